"""What holds for every store: the same cases run over PostgreSQL and over the fake, so that the fake tells the truth.

A case takes a `Tried` and asserts; `CASES` are all of them, by their sentences.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import pytest

from gateway_worker.connections.base.storage import Storage
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.commands import AlreadySettled, Begun, Conflict, Done, Fresh, InProgress
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.media import PutUpload
from gateway_worker.store.operations.messages import NewEntry, PutEntries, PutSentPlaintext, SetExpiry, SettleEntries
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.store.operations.receipts import AdvanceParticipant
from gateway_worker.store.operations.timers import ChatTimer, SetTimers
from gateway_worker.store.records import NOBODY_SAYS, Desired, Fence, Json, NewSession, Status
from schemas.commands.commands import CommandKey
from schemas.names import SessionId, UserId, WorkerId
from tests.support.store.stores import NOON, advance, arrived, begin, key, message_id

SESSION: Final = SessionId("tried")
ONE, OTHER = WorkerId("worker-1"), WorkerId("worker-2")
CHAT: Final = "+15550001111"  # as `begin` names it
ANA, BEN = "15550000001@s.whatsapp.net", "15550000002@s.whatsapp.net"
UNCONFIRMED: Final[Json] = {"code": "message.unconfirmed", "message": "No acknowledgement."}
REFUSED: Final[Json] = {"code": "message.rejected_by_whatsapp", "message": "Refused."}


class CommandRecords(Protocol):
    """Where a command is recorded once."""

    async def record(
        self, key: CommandKey, body_hash: bytes, command_type: str
    ) -> Fresh | InProgress | Done | Conflict: ...

    async def finish(self, key: CommandKey, reply: Json | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A store with one session that `ONE` owns; `events` are the type and the data of what was told, in order."""

    storage: Storage
    ledger: CommandRecords
    fence: Fence
    events: Callable[[], Sequence[tuple[str, Json]]]

    async def commit(self, *operations: Any) -> tuple[Any, ...]:
        return await self.storage.commit(self.fence, *operations)

    def steps(self) -> list[tuple[object, object]]:
        """What was told of messages: the status, and whose."""
        return [(data["status"], data.get("participant")) for _, data in self.events() if "commandId" in data]


Case = Callable[[Tried], Awaitable[None]]


async def tried(storage: Storage, ledger: CommandRecords, events: Callable[[], Sequence[tuple[str, Json]]]) -> Tried:
    """Make the session, and have it owned."""
    new = NewSession(session_id=SESSION, user_id=UserId("user-1"), pairing={"method": "qr"})
    await storage.sessions.create_or_get(new)
    record = await storage.ownership.claim(SESSION, ONE, "run-1")
    assert record is not None
    return Tried(storage=storage, ledger=ledger, fence=record.fence, events=events)


def receipt(who: str, status: Status, number: int = 1) -> AdvanceParticipant:
    return AdvanceParticipant(message_id=message_id(number), chat=CHAT, participant=who, status=status, at=NOON)


async def a_message_is_begun_once_and_not_again_when_it_is_settled(tried: Tried) -> None:
    answers = [(await tried.commit(each))[0] for each in (begin(), begin(), begin(body_hash=b"another"))]
    await tried.commit(advance(Status.FAILED, error=REFUSED))
    answers += await tried.commit(begin())
    assert [type(each) for each in answers] == [Begun, InProgress, Conflict, AlreadySettled]


async def a_message_is_known_once_it_is_begun(tried: Tried) -> None:
    assert not await tried.storage.messages.is_known(SESSION, message_id(), key())
    await tried.commit(begin())
    assert await tried.storage.messages.is_known(SESSION, message_id(), key())
    assert not await tried.storage.messages.is_known(SESSION, message_id(2), key(2))


async def a_begin_and_its_ratchet_are_one_write(tried: Tried) -> None:
    answers = await tried.commit(begin(), PutSentPlaintext(plaintexts={message_id(): b"sent"}))
    assert isinstance(answers[0], Begun)
    assert await tried.storage.messages.plaintext(SESSION, message_id()) == b"sent"
    assert await tried.storage.messages.tries(SESSION, message_id()) == 1


async def an_old_epoch_writes_nothing(tried: Tried) -> None:
    await tried.storage.ownership.claim(SESSION, ONE, "run-2")
    with pytest.raises(StaleEpoch):
        await tried.commit(begin())
    assert await tried.storage.messages.get(SESSION, message_id()) is None


async def a_status_goes_forward_and_each_step_is_told_once(tried: Tried) -> None:
    await tried.commit(begin(), begin(2))
    steps = [advance(Status.SENT), advance(Status.SENT), advance(Status.READ), advance(Status.DELIVERED)]
    steps += [advance(Status.DELIVERED, 2), advance(Status.SENT, 2), advance(Status.READ, 3)]
    assert [(await tried.commit(each))[0] for each in steps] == [True, False, True, False, True, False, False]
    assert [status for status, _ in tried.steps()] == ["sent", "read", "sent", "delivered"]


async def only_a_failure_without_an_answer_gives_way_to_a_receipt(tried: Tried) -> None:
    await tried.commit(begin(1), advance(Status.FAILED, 1, error=REFUSED))
    await tried.commit(begin(2), advance(Status.FAILED, 2, error=UNCONFIRMED))
    assert await tried.commit(advance(Status.DELIVERED, 1), advance(Status.DELIVERED, 2)) == (False, True)


async def each_participant_goes_forward_and_the_message_with_the_first(tried: Tried) -> None:
    await tried.commit(begin(), advance(Status.SENT))
    steps = [(ANA, Status.DELIVERED), (BEN, Status.READ), (BEN, Status.DELIVERED), (ANA, Status.DELIVERED)]
    moved = [(await tried.commit(receipt(*each)))[0] for each in steps]
    moved += await tried.commit(replace(receipt(ANA, Status.READ), chat="another@g.us"))
    assert moved == [True, True, False, False, False]
    assert tried.steps() == [("sent", None), ("delivered", ANA), ("read", BEN)]
    row = await tried.storage.messages.get(SESSION, message_id())
    assert row is not None
    assert row.status is Status.READ


async def a_participant_whose_number_is_learnt_stays_one(tried: Tried) -> None:
    await tried.commit(begin(), advance(Status.SENT), receipt("42@lid", Status.DELIVERED))
    known = [replace(receipt(ANA, status), lid="42@lid") for status in (Status.DELIVERED, Status.READ)]
    assert [(await tried.commit(each))[0] for each in known] == [False, True]
    found = await tried.storage.messages.receipts(SESSION, message_id())
    assert [(each.participant, each.status) for each in found] == [(ANA, Status.READ)]


async def a_participants_receipt_proves_that_the_server_has_it(tried: Tried) -> None:
    await tried.commit(begin())
    assert await tried.commit(receipt(ANA, Status.READ)) == (True,)
    assert await tried.commit(advance(Status.SENT)) == (False,)
    assert tried.steps() == [("sent", None), ("read", ANA)]


async def what_came_in_is_told_once(tried: Tried) -> None:
    assert [(await tried.commit(arrived()))[0] for _ in range(2)] == [True, False]
    assert [kind for kind, _ in tried.events()] == ["message.received.v1"]
    (row,) = await tried.storage.messages.under(SESSION, arrived().message_id)
    assert (row.sender, row.from_me, row.status) == (arrived().sender, False, Status.RECEIVED)
    assert await tried.storage.messages.get(SESSION, row.message_id) is None, "it is none of ours"


async def a_chat_that_is_joined_is_found_under_its_other_name(tried: Tried) -> None:
    await tried.commit(replace(arrived(), chat="42@lid"), JoinChats(chats={"42@lid": ANA}))
    (row,) = await tried.storage.messages.under(SESSION, arrived().message_id)
    assert row.chat == ANA


async def each_encryption_counts_and_the_last_plaintext_stays(tried: Tried) -> None:
    await tried.commit(begin())
    for plaintext in (b"first", b"second"):
        await tried.commit(PutSentPlaintext(plaintexts={message_id(): plaintext}))
    assert await tried.storage.messages.tries(SESSION, message_id()) == 2
    assert await tried.storage.messages.plaintext(SESSION, message_id()) == b"second"


async def keys_are_replaced_and_removed_and_go_with_the_credentials(tried: Tried) -> None:
    keys = tried.storage.keys
    await tried.commit(PutCredentials(blob=b"blob"), PutKeys(keys={("k", "1"): b"1", ("k", "2"): b"2"}))
    await tried.commit(PutKeys(keys={("k", "1"): None, ("k", "2"): b"new", ("k", "3"): None}))
    assert await keys.load(SESSION, "k", ["1", "2", "3"]) == {"2": b"new"}
    assert await keys.of_kind(SESSION, "k", 5) == {"2": b"new"}
    assert await keys.credentials(SESSION) == b"blob"
    await tried.commit(DropCredentials())
    assert await keys.credentials(SESSION) is None
    assert await keys.load(SESSION, "k", ["2"]) == {}


async def a_decrypted_part_stays_as_it_was_and_is_awaited_until_it_is_settled(tried: Tried) -> None:
    keys, where = tried.storage.keys, {"chat": ANA, "sender": f"{ANA}:1", "message_id": "3EB0AA", "index": 0}
    for plaintext in (b"first", b"second"):
        entry = NewEntry(
            chat=ANA, sender=f"{ANA}:1", message_id="3EB0AA", index=0,
            plaintext=plaintext, visible=True, unprocessed=True,
        )  # fmt: skip
        await tried.commit(PutEntries(entries=[entry]))
    assert await keys.entry(SESSION, **where) == b"first"  # pyright: ignore[reportArgumentType]
    assert [each.plaintext for each in await keys.unprocessed(SESSION)] == [b"first"]
    await tried.commit(SettleEntries(message_ids=["3EB0AA"]))
    assert await keys.unprocessed(SESSION) == []


async def an_upload_is_found_by_its_class_and_hash(tried: Tried) -> None:
    await tried.commit(PutUpload(file_class="image", sha256="ab", size=3, reference={"url": "u"}))
    uploads = tried.storage.uploads
    assert await uploads.find(SESSION, "image", "ab") == {"url": "u"}
    assert await uploads.find(SESSION, "video", "ab") is None


async def a_timer_that_is_another_is_kept_and_told(tried: Tried) -> None:
    timer = ChatTimer(chat=ANA, names=frozenset({ANA}), seconds=60, changed_at=NOON, event={"to": ANA})
    answers = await tried.commit(SetTimers(timers=[timer], event_type="chat.updated.v1"))
    answers += await tried.commit(SetTimers(timers=[timer], event_type="chat.updated.v1"))
    assert answers == (1, 0)
    assert [kind for kind, _ in tried.events()] == ["chat.updated.v1"]
    assert (await tried.storage.timers.of(SESSION, 5))[ANA].seconds == 60


async def a_chat_is_new_while_the_phone_lists_others_and_nothing_was_written_there(tried: Tried) -> None:
    timers, own, written = tried.storage.timers, {"15550009999@s.whatsapp.net", "99@lid"}, CHAT
    assert not await timers.is_new(SESSION, {BEN}, own), "nobody has listed any"
    listed = [
        ChatTimer(chat=each, seconds=0, changed_at=NOBODY_SAYS, event={})
        for each in ("15550009999@s.whatsapp.net", ANA)
    ]
    assert await tried.commit(SetTimers(timers=listed, event_type="chat.updated.v1")) == (0,)
    assert await timers.of(SESSION, 5) == {}
    assert [await timers.is_new(SESSION, {"7@lid", chat}, own) for chat in (ANA, BEN)] == [False, True]
    await tried.commit(begin())
    assert await timers.is_new(SESSION, {written}, own), "it has not left yet"
    await tried.commit(SetExpiry(message_id=message_id(), seconds=10**9))
    await tried.commit(advance(Status.SENT))
    assert not await timers.is_new(SESSION, {written}, own)
    stored = await tried.storage.messages.get(SESSION, message_id())
    assert stored is not None
    assert stored.expires_at is not None
    assert tried.steps() == [("sent", None)]


async def a_session_has_one_owner_and_a_new_epoch_each_time(tried: Tried) -> None:
    ownership = tried.storage.ownership
    assert await ownership.claim(SESSION, OTHER, "run-1") is None
    assert await ownership.take(SESSION, OTHER, "run-1") is None
    assert await ownership.owned(ONE, "run-1") == {SESSION: tried.fence.epoch}
    await ownership.release(SESSION, tried.fence.epoch - 1)
    assert await ownership.take(SESSION, OTHER, "run-1") is None, "an old epoch gives nothing back"
    await ownership.release(SESSION, tried.fence.epoch)
    taken = await ownership.take(SESSION, OTHER, "run-1")
    assert taken is not None
    assert taken.epoch > tried.fence.epoch


async def orders_have_rising_numbers(tried: Tried) -> None:
    sessions = tried.storage.sessions
    first = await sessions.desire(SESSION, Desired.CONNECTED, restart=True)
    second = await sessions.desire(SESSION, Desired.DELETED, purge=True)
    assert first is not None
    assert second is not None
    assert second.generation == first.generation + 1
    assert (first.restart_generation, second.restart_generation) == (first.generation, first.generation)
    assert await sessions.desire(SessionId("nobody"), Desired.CONNECTED) is None


async def a_session_that_is_made_anew_goes_on_where_the_old_one_ended(tried: Tried) -> None:
    sessions = tried.storage.sessions
    await sessions.forget(SESSION, tried.fence.epoch, purge=True)
    assert await sessions.get(SESSION) is None
    made = await sessions.create_or_get(
        NewSession(session_id=SESSION, user_id=UserId("user-1"), pairing={"method": "qr"})
    )
    assert made.epoch >= tried.fence.epoch
    assert made.owner is None


async def a_command_is_recorded_once_and_has_one_reply(tried: Tried) -> None:
    async def record(body_hash: bytes = b"hash") -> type[object]:
        return type(await tried.ledger.record(key(9), body_hash, "session.restart.v1"))

    assert [await record(), await record(), await record(b"another")] == [Fresh, InProgress, Conflict]
    await tried.ledger.finish(key(9), {"ok": True})
    again = await tried.ledger.record(key(9), b"hash", "session.restart.v1")
    assert again == Done({"ok": True})


CASES: Final[Sequence[Case]] = (
    a_message_is_begun_once_and_not_again_when_it_is_settled,
    a_message_is_known_once_it_is_begun,
    a_begin_and_its_ratchet_are_one_write,
    an_old_epoch_writes_nothing,
    a_status_goes_forward_and_each_step_is_told_once,
    only_a_failure_without_an_answer_gives_way_to_a_receipt,
    each_participant_goes_forward_and_the_message_with_the_first,
    a_participant_whose_number_is_learnt_stays_one,
    a_participants_receipt_proves_that_the_server_has_it,
    what_came_in_is_told_once,
    a_chat_that_is_joined_is_found_under_its_other_name,
    each_encryption_counts_and_the_last_plaintext_stays,
    keys_are_replaced_and_removed_and_go_with_the_credentials,
    a_decrypted_part_stays_as_it_was_and_is_awaited_until_it_is_settled,
    an_upload_is_found_by_its_class_and_hash,
    a_timer_that_is_another_is_kept_and_told,
    a_chat_is_new_while_the_phone_lists_others_and_nothing_was_written_there,
    a_session_has_one_owner_and_a_new_epoch_each_time,
    orders_have_rising_numbers,
    a_session_that_is_made_anew_goes_on_where_the_old_one_ended,
    a_command_is_recorded_once_and_has_one_reply,
)
