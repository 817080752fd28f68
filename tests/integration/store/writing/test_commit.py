"""Grouped, fenced commits against a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway_worker.store.errors import StaleEpoch, StoreError
from gateway_worker.store.operations.commands import (
    AlreadySettled,
    Begun,
    Conflict,
    Done,
    FinishCommand,
    Fresh,
    InProgress,
    RecordCommand,
)
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.messages import NewEntry, PutEntries, PutSentPlaintext, SettleEntries
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.records import Desired, Fence, Status
from gateway_worker.store.store import Store
from schemas.names import MessageId, SessionId, WorkerId
from tests.support.store.stores import OutboxListener, TestClock, advance, arrived, begin, key, message_id


def event(number: int) -> AppendEvent:
    return AppendEvent(type="message.received.v1", data={"number": number})


async def test_events_of_many_callers_are_numbered_without_a_gap(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await asyncio.gather(*(store.commit(fence, event(number)) for number in range(200)))
    assert [each.sequence for each in heard.events] == list(range(1, 201))
    stored = await store.outbox.range(fence.session_id, 1, 1000)
    assert stored == heard.events
    assert [each.data["number"] for each in stored] == list(range(200)), "the order of the calls is kept"


async def test_concurrent_callers_share_transactions(store: Store, fence: Fence) -> None:
    await asyncio.gather(*(store.commit(fence, event(number)) for number in range(200)))
    assert store.transactions <= 4


async def test_a_stale_fence_is_refused_and_its_neighbours_go_on(store: Store, fence: Fence) -> None:
    stale = Fence(session_id=fence.session_id, epoch=fence.epoch - 1)
    unknown = Fence(session_id=SessionId("nobody"), epoch=1)
    answers = await asyncio.gather(
        store.commit(stale, event(1)),
        store.commit(fence, event(2)),
        store.commit(unknown, event(3)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], StaleEpoch)
    assert answers[1] == (None,)
    assert isinstance(answers[2], StaleEpoch)
    assert [each.data["number"] for each in await store.outbox.range(fence.session_id, 1, 10)] == [2]


async def test_a_claim_fences_the_previous_owner_off(store: Store, fence: Fence) -> None:
    await store.owners.free(WorkerId("worker-1"))
    claimed = await store.ownership.claim(fence.session_id, WorkerId("worker-2"), "run-9")
    assert claimed is not None
    assert claimed.epoch > fence.epoch
    with pytest.raises(StaleEpoch):
        await store.commit(fence, event(1))
    await store.commit(claimed.fence, event(2))


async def test_a_write_that_the_database_refuses_harms_no_neighbour(store: Store, fence: Fence) -> None:
    bad = RecordCommand(key=key(1), body_hash=b"x", type="a\0b")
    answers = await asyncio.gather(
        store.commit(fence, event(1)),
        store.commit(fence, bad, event(2)),
        store.commit(fence, event(3)),
        return_exceptions=True,
    )
    assert isinstance(answers[1], StoreError)
    assert [each.data["number"] for each in await store.outbox.range(fence.session_id, 1, 10)] == [1, 3]
    assert await store.commands.find(key(1)) is None


async def test_a_cancelled_caller_leaves_its_write_whole(store: Store, fence: Fence) -> None:
    other = asyncio.create_task(store.commit(fence, event(1)))
    cancelled = asyncio.create_task(store.commit(fence, event(2), PutCredentials(blob=b"c")))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await other
    await store.commit(fence, event(3))
    assert [each.data["number"] for each in await store.outbox.range(fence.session_id, 1, 10)] == [1, 2, 3]
    assert await store.keys.credentials(fence.session_id) == b"c"


async def test_a_message_goes_from_begun_to_read_and_each_step_is_told_once(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    assert await store.commit(fence, begin()) == (Begun(),)
    steps = [Status.SENT, Status.SENT, Status.DELIVERED, Status.SENT, Status.READ, Status.DELIVERED]
    moved = [(await store.commit(fence, advance(step)))[0] for step in steps]
    assert moved == [True, False, True, False, True, False]
    assert [each.data["status"] for each in heard.events] == ["sent", "delivered", "read"]
    first = heard.events[0]
    assert first.data["commandId"] == first.causation_id == "command-1"
    assert first.data["to"] == "+15550001111"
    assert first.correlation_id == "order-77"
    assert first.carried == {"traceparent": "00-1", "tracestate": "a=1", "tenant": "acme", "hops": 3}
    assert {tuple(each.carried) for each in heard.events} == {tuple(first.carried)}
    message = await store.messages.get(fence.session_id, message_id())
    assert message is not None
    assert message.status is Status.READ
    assert set(message.statuses) == {Status.SENT, Status.DELIVERED, Status.READ}
    assert message.content == {"kind": "text", "text": "Hello"}


async def test_statuses_of_one_message_in_one_group_move_in_order(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    answers = await store.commit(
        fence, begin(), advance(Status.SENT), advance(Status.DELIVERED), advance(Status.SENT), advance(Status.READ)
    )
    assert answers == (Begun(), True, True, False, True)
    assert [each.data["status"] for each in heard.events] == ["sent", "delivered", "read"]


async def test_a_receipt_that_overtakes_the_acknowledgement_tells_sent_first(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, begin(), advance(Status.DELIVERED))
    assert await store.commit(fence, advance(Status.SENT)) == (False,)
    assert [each.data["status"] for each in heard.events] == ["sent", "delivered"]


async def test_a_repeated_command_is_the_same_message(store: Store, fence: Fence) -> None:
    assert await store.commit(fence, begin()) == (Begun(),)
    assert await store.commit(fence, begin()) == (InProgress(2),)
    assert await store.commit(fence, begin(body_hash=b"other")) == (Conflict(),)
    await store.commit(fence, advance(Status.SENT))
    (answer,) = await store.commit(fence, begin())
    assert isinstance(answer, AlreadySettled)
    assert answer.status is Status.SENT


async def test_the_same_command_twice_in_one_group_begins_once(store: Store, fence: Fence) -> None:
    answers = await asyncio.gather(store.commit(fence, begin()), store.commit(fence, begin()))
    assert answers == [(Begun(),), (InProgress(2),)]


async def test_a_failed_message_is_not_begun_again_and_only_an_unconfirmed_one_is_overruled(
    store: Store, fence: Fence
) -> None:
    refused = {"code": "message.rejected_by_whatsapp", "message": "Refused.", "detail": {"code": "463"}}
    unconfirmed = {"code": "message.unconfirmed", "message": "No acknowledgement."}
    await store.commit(fence, begin(1), advance(Status.FAILED, error=refused))
    await store.commit(fence, begin(2), advance(Status.FAILED, 2, error=unconfirmed))
    (answer,) = await store.commit(fence, begin(1))
    assert isinstance(answer, AlreadySettled)
    assert answer.error == refused
    assert await store.commit(fence, advance(Status.DELIVERED, 1)) == (False,)
    assert await store.commit(fence, advance(Status.DELIVERED, 2)) == (True,)


async def test_an_incoming_message_is_told_once(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    answers = await asyncio.gather(*(store.commit(fence, arrived(number)) for number in (1, 2, 1)))
    assert answers == [(True,), (True,), (False,)]
    assert await store.commit(fence, arrived(2)) == (False,)
    assert [each.data["number"] for each in heard.events] == [1, 2]


async def test_a_receipt_for_an_incoming_or_unknown_message_moves_nothing(store: Store, fence: Fence) -> None:
    await store.commit(fence, arrived())
    assert await store.commit(fence, advance(Status.READ, 404)) == (False,)


async def test_commands_are_recorded_once(store: Store, fence: Fence) -> None:
    record = RecordCommand(key=key(), body_hash=b"h", type="session.restart.v1")
    assert await store.commit(fence, record) == (Fresh(),)
    assert await store.commit(fence, record) == (InProgress(2),)
    await store.commit(fence, FinishCommand(key=key(), reply={"ok": True}))
    assert await store.commit(fence, record) == (Done({"ok": True}),)
    other = RecordCommand(key=key(), body_hash=b"other", type="session.restart.v1")
    assert await store.commit(fence, other) == (Conflict(),)
    assert await store.commands.record(key(), b"h", "session.restart.v1") == Done({"ok": True})


async def test_keys_and_credentials_come_back_as_they_were(store: Store, fence: Fence) -> None:
    many = {("pre-key", str(number)): str(number).encode() for number in range(812)}
    await store.commit(fence, PutCredentials(blob=b"creds"), PutKeys(keys=many))
    await store.commit(fence, PutKeys(keys={("pre-key", "1"): b"new", ("pre-key", "2"): None}))
    loaded = await store.keys.load(fence.session_id, "pre-key", ["1", "2", "3", "none"])
    assert loaded == {"1": b"new", "3": b"3"}
    assert await store.keys.credentials(fence.session_id) == b"creds"


async def test_a_new_pairing_replaces_the_old_identity_at_once(store: Store, fence: Fence) -> None:
    await store.commit(fence, PutCredentials(blob=b"old"), PutKeys(keys={("session", "a"): b"old"}))
    await store.commit(fence, PutCredentials(blob=b"new"), PutKeys(keys={("session", "b"): b"new"}), DropCredentials())
    assert await store.keys.credentials(fence.session_id) == b"new"
    assert await store.keys.load(fence.session_id, "session", ["a", "b"]) == {"b": b"new"}


async def test_dropping_an_identity_keeps_its_place_among_other_writes(store: Store, fence: Fence) -> None:
    await asyncio.gather(
        store.commit(fence, PutKeys(keys={("session", "a"): b"1"})),
        store.commit(fence, DropCredentials()),
        store.commit(fence, PutKeys(keys={("session", "b"): b"2"})),
    )
    assert await store.keys.load(fence.session_id, "session", ["a", "b"]) == {"b": b"2"}


async def test_decrypted_parts_are_kept_and_the_visible_one_is_the_message(store: Store, fence: Fence) -> None:
    def part(index: int, plaintext: bytes, *, visible: bool) -> NewEntry:
        return NewEntry(
            chat="c@g.us", sender="s:1@lid", message_id="M1", index=index, plaintext=plaintext, visible=visible
        )

    others = [part(0, b"key", visible=False), part(-2, b"quoted", visible=False)]
    parts = PutEntries(entries=[*others, part(1, b"text", visible=True)])
    message = replace(arrived(), message_id=MessageId("M1"), chat="c@g.us", entry=("c@g.us", "s:1@lid"))
    await store.commit(fence, parts, message)
    await store.commit(fence, PutEntries(entries=[part(1, b"another", visible=True)]))
    found = await store.keys.entry(fence.session_id, chat="c@g.us", sender="s:1@lid", message_id="M1", index=0)
    assert found == b"key"
    assert await store.messages.plaintext(fence.session_id, MessageId("M1"), 1) == b"text"
    assert [each.plaintext for each in await store.keys.quoted(fence.session_id, "M1")] == [b"quoted"]
    assert await store.keys.quoted(fence.session_id, "M2") == []
    assert await store.keys.entry(fence.session_id, chat="c@g.us", sender="x", message_id="M1", index=0) is None


async def test_what_the_engine_has_to_act_on_is_kept_until_it_has(store: Store, fence: Fence, clock: TestClock) -> None:
    def share(name: str) -> PutEntries:
        entry = NewEntry(
            chat="me", sender="me:0", message_id=name, index=0, plaintext=name.encode(), visible=False, unprocessed=True
        )
        return PutEntries(entries=[entry])

    async def left() -> list[tuple[str, bytes]]:
        return [(each.message_id, each.plaintext) for each in await store.keys.unprocessed(fence.session_id)]

    for name in ("KEYS", "HISTORY"):
        await store.commit(fence, share(name))
        clock.pass_by(timedelta(seconds=1))
    assert await left() == [("KEYS", b"KEYS"), ("HISTORY", b"HISTORY")]
    await store.commit(fence, share("LIDS"), SettleEntries(message_ids=["KEYS", "LIDS", "UNKNOWN"]))
    assert await left() == [("HISTORY", b"HISTORY")]
    await store.commit(fence, share("HISTORY"))  # delivered again: it is the same one
    await store.commit(fence, SettleEntries(message_ids=["HISTORY"]))
    assert await left() == []


async def test_each_encryption_of_a_message_counts_as_a_try(store: Store, fence: Fence) -> None:
    assert await store.messages.tries(fence.session_id, message_id()) == 0
    await store.commit(fence, begin())
    assert await store.messages.tries(fence.session_id, message_id()) == 0
    for expected in (1, 2, 3):
        await store.commit(fence, PutSentPlaintext(plaintexts={message_id(): b"text"}))
        assert await store.messages.tries(fence.session_id, message_id()) == expected


async def test_the_plaintext_of_a_sent_message_is_the_last_one(store: Store, fence: Fence) -> None:
    await store.commit(fence, begin(), PutSentPlaintext(plaintexts={message_id(): b"first"}))
    await store.commit(fence, PutSentPlaintext(plaintexts={message_id(): b"second"}))
    assert await store.messages.plaintext(fence.session_id, message_id()) == b"second"


async def test_a_state_is_written_with_its_event(store: Store, fence: Fence, clock: TestClock) -> None:
    heard = OutboxListener(store)
    change = ChangeState(
        state="connected", phone="+1555", jid="1555@s.whatsapp.net", desired=Desired.CONNECTED, event={"state": "x"}
    )
    await store.commit(fence, change)
    await store.commit(fence, ChangeState(state="disconnected", reason={"code": "c"}, retry_at=clock.now()))
    record = await store.sessions.get(fence.session_id)
    assert record is not None
    assert (record.state, record.phone, record.reason, record.retry_at) == (
        "disconnected",
        "+1555",
        {"code": "c"},
        clock.now(),
    )
    assert [(each.type, each.sequence) for each in heard.events] == [("session.status.v1", 1)]
    assert record.sequence == 1


async def test_begun_messages_are_counted_from_the_rows(store: Store, fence: Fence, clock: TestClock) -> None:
    await store.commit(fence, begin(1), begin(2), begin(3), arrived(1))
    begun = await store.messages.begun_since(fence.session_id, clock.now(), 2)
    assert begun == [clock.now() + timedelta(microseconds=place) for place in (2, 3)]


async def test_a_message_is_known_when_another_command_was_seen_under_its_key(store: Store, fence: Fence) -> None:
    await store.commands.record(key(), b"hash of the other", "session.restart.v1")
    assert await store.messages.is_known(fence.session_id, message_id(), key())
