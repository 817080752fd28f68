"""What cannot be described, stored or told is set aside, and the connection lives."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, cast

import pytest

from gateway_worker.connections.incoming.setting_aside import MAX_KEPT, clean, is_storable
from gateway_worker.store.errors import StaleEpoch, StoreUnavailable
from gateway_worker.store.operations.identity import PutKeys
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.whatsapp.facts import CallArrived, Cause, FactUnreadable, ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, Sender, StoredEntry, Unreadable
from gateway_worker.whatsapp.past import HistoryPart, PastMessage, Synced
from gateway_worker.whatsapp.people import ContactReport, ContactsReported
from gateway_worker.whatsapp.port import Changes
from schemas.content.content import Contacts, SetAsideReason, Text
from schemas.names import SessionId
from tests.support.connections.world import ANNA, BERT, World, text, world

CARL = SessionId("carl")
BEN = "15550002222@s.whatsapp.net"


def received(message_id: str, body: str = "Hi") -> ReceivedMessage:
    return ReceivedMessage(
        message_id=message_id,
        chat=BEN,
        sender=Sender(jid=BEN, phone=BERT),
        from_me=False,
        is_group=False,
        timestamp=1_780_000_000,
        content=Text(text=body),
    )


def entry(message: ReceivedMessage | Unreadable, plaintext: bytes = b"plain") -> Entry:
    key = EntryKey(chat=BEN, sender=BEN, message_id=message.message_id, index=0)
    return Entry(key=key, plaintext=plaintext, message=message)


def unreadable(message_id: str, *, is_encrypted: bool = False) -> Unreadable:
    return Unreadable(
        message_id=message_id,
        chat=BEN,
        sender=Sender(jid=BEN),
        from_me=False,
        is_group=False,
        timestamp=1_780_000_000,
        reason=SetAsideReason.ENDED_PROCESS if is_encrypted else SetAsideReason.FAILED,
        detail="ValueError",
        payload={"message_id": message_id},
        is_encrypted=is_encrypted,
    )


def published(w: World) -> list[tuple[str, Any, Any]]:
    """Of each message the id, the text, and why it was set aside."""
    events: list[dict[str, Any]] = [dict(data) for kind, data in w.storage.events if kind == "message.received.v1"]
    return [(each["messageId"], each["content"].get("text"), each["content"].get("reason")) for each in events]


def refusing(text_: str) -> Any:
    """A database that does not take what holds this text, whatever it is."""

    def refuses(operation: Operation[Any]) -> bool:
        kinds = ReceiveMessage | LearnContacts | AdvanceStatus
        return isinstance(operation, kinds) and text_ in str(asdict(cast("Any", operation)))

    return refuses


async def test_a_message_that_the_database_refuses_is_told_as_that_and_its_neighbours_as_they_are() -> None:
    async with world() as w:
        await w.connected()
        w.storage.refuses = refusing("bad")
        ones = [entry(received("A", "one")), entry(received("B", "bad"), b"raw"), entry(received("C", "two"))]
        await w.engine.last.commit(Changes(keys={("session", "x"): b"ratchet"}, entries=ones))
        assert published(w) == [("A", "one", None), ("B", None, "refused"), ("C", "two", None)]
        (kept,) = w.storage.set_aside.kept.values()
        assert (kept.fact, kept.reason, kept.message_id, kept.size) == ("message", "refused", "B", 3)
        assert w.storage.keys.keys[ANNA]["session", "x"] == b"ratchet", "stored with all that it decrypted"
        assert {key[2] for key in w.storage.keys.entries} >= {"A", "B", "C"}
        assert w.observer.aside == ["refused"]

        w.storage.refuses = lambda _: False
        await w.engine.last.commit(Changes(entries=ones))
        assert len(published(w)) == 3, "told once"
        await w.send(text("still connected"))


async def test_what_could_not_be_described_is_told_as_that() -> None:
    async with world() as w:
        await w.connected()
        odd = replace(received("B"), content=Contacts.model_construct(contacts="none"))
        long = entry(unreadable("C"), b"x" * (MAX_KEPT + 1))
        await w.engine.last.commit(Changes(entries=[entry(received("A")), entry(odd), long]))
        assert published(w)[0] == ("A", "Hi", None)
        assert ("C", None, "failed") in published(w)
        assert [each.size for each in w.storage.set_aside.kept.values()][-1] == MAX_KEPT + 1


async def test_what_was_never_decrypted_is_not_taken_for_a_plaintext_later() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.commit(Changes(entries=[entry(unreadable("A", is_encrypted=True), b"cipher")]))
        assert published(w) == [("A", None, "ended_process")]
        assert w.storage.keys.entries == {}


async def test_names_that_no_row_can_hold_cost_only_what_they_name() -> None:
    async with world() as w:
        await w.connected()
        w.storage.refuses = lambda operation: (
            isinstance(operation, PutKeys) and any("\0" in id_ for _, id_ in operation.keys)
        )
        keys = {("session", "x\0"): b"odd", ("session", "y"): b"ratchet"}
        await w.engine.last.commit(Changes(keys=keys, entries=[entry(received("A"))]))
        assert w.storage.keys.keys[ANNA] == {("session", "y"): b"ratchet"}
        assert published(w) == [("A", "Hi", None)]


async def test_a_receipt_a_call_a_contact_that_cannot_be_stored_ends_no_connection() -> None:
    async with world() as w:
        await w.connected()
        message_id = await w.send(text())
        w.storage.refuses = refusing("bad")
        receipt = ReceiptArrived(
            message_ids=["bad", message_id], chat=BEN, kind=ReceiptKind.DELIVERED, timestamp=1_780_000_000
        )
        call = CallArrived(
            call_id="bad", jid=BEN, lid=None, phone=None, video=False, group=None, rejected=False, timestamp=0
        )
        people = [ContactReport(jid=BEN, push_name="bad")]
        for fact in (
            receipt,
            call,
            ContactsReported(contacts=people),
            FactUnreadable(fact="group", detail="KeyError", payload={"changes": None}),
        ):
            await w.engine.last.notify(fact)
        assert w.storage.messages.rows[message_id].status == "delivered"
        facts = [each.fact for each in w.storage.set_aside.kept.values()]
        assert facts == ["CallArrived", "ContactsReported", "group"], "a receipt is not worth keeping"
        assert len(w.observer.aside) == 4
        await w.send(text("still connected"))


async def test_a_message_of_the_history_that_cannot_be_stored_leaves_the_others_there() -> None:
    async with world() as w:
        await w.connected()
        past = [
            PastMessage(entry=_stored(message), message=message, status=None, order=number)
            for number, message in enumerate([received("A"), received("B", "bad"), received("C")])
        ]
        w.storage.refuses = lambda operation: any(
            message.message_id == "B" for message in getattr(operation, "messages", ())
        )
        synced = Synced(progress=100, chats=1, messages=3, is_last=True)
        await w.engine.last.owner.store_history(
            HistoryPart(messages=past, unreadable=[entry(unreadable("D"))], synced=synced, processed=["P"])
        )
        assert {(each.fact, each.message_id) for each in w.storage.set_aside.kept.values()} == {
            ("history", "B"),
            ("history", "D"),
        }
        assert [each.message_id for each in w.storage.past] == ["A", "C"]
        assert [kind for kind, _ in w.storage.events].count("history.synced.v1") == 1


async def test_a_stanza_that_was_begun_twice_and_never_finished_is_not_handled_again() -> None:
    async with world() as w:
        await w.connected()
        assert not w.engine.last.request.careful, "nothing has died"
        await w.engine.last.end(Cause.BRIDGE_DIED)
        for begun in (1, 2):
            await w.opened(begun + 1)
            assert w.engine.last.request.careful
            assert await w.engine.last.owner.begin("deadly")
            assert w.storage.set_aside.counts == {(ANNA, "deadly"): begun}
            await w.engine.last.end(Cause.BRIDGE_DIED)
        await w.opened(4)
        assert not await w.engine.last.owner.begin("deadly")
        assert await w.engine.last.owner.begin("next")


async def test_what_is_finished_or_left_in_good_order_is_innocent() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.BRIDGE_DIED)
        await w.opened(2)
        assert await w.engine.last.owner.begin("handled")
        await w.engine.last.commit(Changes(finished=["handled"]))
        assert await w.engine.last.owner.begin("interrupted")
        await w.engine.last.end(Cause.CLOSED)
        await w.opened(3)
        assert w.storage.set_aside.counts == {}
        assert not w.engine.last.request.careful


async def test_a_database_that_is_away_speaks_against_no_stanza() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.BRIDGE_DIED)
        await w.opened(2)
        assert await w.engine.last.owner.begin("innocent")
        w.storage.keys.away = True
        with pytest.raises(StoreUnavailable):
            await w.engine.last.owner.load_keys("session", ["x"])
        w.storage.keys.away = False
        await w.engine.last.end(Cause.STORE_FAILED)
        await w.opened(3)
        assert w.storage.set_aside.counts == {}


async def test_what_was_begun_once_is_handled_alone_so_that_no_neighbour_is_suspected() -> None:
    async with world() as w:
        for session_id in (ANNA, CARL):
            await w.connected(session_id)
        for connection in list(w.engine.opened):
            await connection.end(Cause.BRIDGE_DIED)
        w.storage.set_aside.counts = {(ANNA, "deadly"): 1, (CARL, "innocent"): 1}
        await w.opened(4)
        anna, carl = (next(c for c in w.engine.opened[2:] if c.request.session_id == each) for each in (ANNA, CARL))
        assert await anna.owner.begin("deadly")
        waiting = w.tasks.create_task(carl.owner.begin("innocent"))
        await asyncio.sleep(1)
        assert not waiting.done()
        await anna.end(Cause.BRIDGE_DIED)
        await carl.end(Cause.BRIDGE_DIED)
        await w.opened(6)
        assert w.storage.set_aside.counts[ANNA, "deadly"] == 2
        with suppress(StaleEpoch):
            await waiting


def test_names_are_bounded_and_clean() -> None:
    assert clean("ABC") == "ABC"
    assert clean("a\0b") == "a\ufffdb"
    assert len(clean("ü" * 5_000).encode()) <= 200
    assert clean("x\ud800y") == "x?y"
    assert is_storable("a", "b")
    assert not is_storable("a\0")
    assert not is_storable("\ud800")
    assert not is_storable("x" * 5_000)


def _stored(message: ReceivedMessage) -> StoredEntry:
    found = entry(message)
    return StoredEntry(key=found.key, plaintext=found.plaintext)
