"""Receipts in groups: each participant's steps are told once each, the message goes with the first."""

import random
from dataclasses import replace

from gateway_worker.store.operations.receipts import AdvanceParticipant
from gateway_worker.store.records import Fence, Status
from gateway_worker.store.store import Store
from tests.support.store.stores import NOON, OutboxListener, advance, begin, message_id

PEOPLE = [f"1555000{number:04}@s.whatsapp.net" for number in range(120)]


def receipt(participant: str, status: Status, number: int = 1) -> AdvanceParticipant:
    chat = "+15550001111"  # as `begin` names it
    return AdvanceParticipant(message_id=message_id(number), chat=chat, participant=participant, status=status, at=NOON)


def published(heard: OutboxListener) -> list[tuple[object, object]]:
    return [(each.data["status"], each.data.get("participant")) for each in heard.events]


async def test_each_step_of_each_participant_is_told_once_and_never_backwards(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, begin(), advance(Status.SENT))
    ana, ben, *_ = PEOPLE
    steps = [(ana, Status.DELIVERED), (ben, Status.READ), (ben, Status.DELIVERED), (ana, Status.DELIVERED)]
    steps += [(ana, Status.READ), (ben, Status.PLAYED), (ben, Status.READ)]
    moved = [(await store.commit(fence, receipt(who, step)))[0] for who, step in steps]
    assert moved == [True, True, False, False, True, True, False]
    assert published(heard) == [
        ("sent", None),
        ("delivered", ana),
        ("read", ben),
        ("read", ana),
        ("played", ben),
    ]
    message = await store.messages.get(fence.session_id, message_id())
    assert message is not None
    assert message.status is Status.PLAYED, "the first participant's"
    found = {each.participant: each for each in await store.messages.receipts(fence.session_id, message_id())}
    assert (found[ana].status, found[ana].delivered_at, found[ana].read_at) == (Status.READ, NOON, NOON)
    assert (found[ben].status, found[ben].delivered_at) == (Status.PLAYED, None)


async def test_a_person_whose_number_is_learnt_between_two_receipts_stays_one(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, begin(), advance(Status.SENT), receipt("42@lid", Status.DELIVERED))
    ana, *_ = PEOPLE
    steps = [Status.DELIVERED, Status.READ, Status.READ]
    moved = await store.commit(fence, *(replace(receipt(ana, step), lid="42@lid") for step in steps))
    assert moved == (False, True, False)
    assert published(heard) == [("sent", None), ("delivered", "42@lid"), ("read", ana)]
    (found,) = await store.messages.receipts(fence.session_id, message_id())
    assert (found.participant, found.status, found.delivered_at, found.read_at) == (ana, Status.READ, NOON, NOON)


async def test_receipts_of_a_large_group_in_any_order_are_one_transaction(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, begin())
    before = store.transactions
    receipts = [receipt(each, status) for each in PEOPLE for status in (Status.DELIVERED, Status.READ)]
    random.Random(7).shuffle(receipts)
    moved = await store.commit(fence, *receipts, *receipts)
    assert store.transactions == before + 1
    assert not any(moved[len(receipts) :]), "a repetition moves nothing"
    steps = published(heard)
    assert steps[0] == ("sent", None), "it was told before its acknowledgement came"
    assert len(steps) == len(set(steps)) == 1 + sum(moved)
    assert {who for status, who in steps if status == "read"} == set(PEOPLE)
    sequences = [event.sequence for event in heard.events]
    assert sequences == list(range(sequences[0], sequences[0] + len(steps)))
    assert await store.commit(fence, advance(Status.SENT)) == (False,)
    assert len(await store.messages.receipts(fence.session_id, message_id())) == len(PEOPLE)


async def test_only_an_unconfirmed_message_is_overruled_by_a_participant(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    refused = {"code": "message.rejected_by_whatsapp", "message": "Refused."}
    unconfirmed = {"code": "message.unconfirmed", "message": "No acknowledgement."}
    await store.commit(fence, begin(1), advance(Status.FAILED, 1, error=refused))
    await store.commit(fence, begin(2), advance(Status.FAILED, 2, error=unconfirmed))
    first, second, *_ = PEOPLE
    answers = await store.commit(
        fence, *(receipt(who, Status.DELIVERED, number) for number in (1, 2, 3) for who in (first, second))
    )
    assert answers == (False, False, True, True, False, False)
    assert published(heard)[2:] == [("delivered", first), ("delivered", second)]
    assert await store.messages.receipts(fence.session_id, message_id(1)) == []
