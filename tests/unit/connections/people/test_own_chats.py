"""What the account's owner does with chats: by commands, and as the app state says it."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import OwnChats
from gateway_worker.store.operations.chats import FOR_EVER, DropMessage, EmptyChat, SetStar, UpdateChats
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.whatsapp.app_state import StateChange, StateChanges, StateKind, StateMessage
from gateway_worker.whatsapp.errors import StateUnreadable
from gateway_worker.whatsapp.facts import ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.port import Changes
from schemas.errors import StateUnavailable
from tests.support.connections.fake_chats import chat_row
from tests.support.connections.fake_messages import message_row
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, MAPPINGS, command, world

BERT, LID, GROUP = "15550002222@s.whatsapp.net", "42@lid", "120363041234567890@g.us"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = int(NOON.timestamp())


def operations(*changes: StateChange) -> list[object]:
    identities = Identities(MAPPINGS)
    identities.learn({LID: BERT})
    return list(OwnChats(identities).operations([StateChanges(changes=changes)], NOON))


def test_changes_of_chats_in_a_row_are_one_operation_in_their_order() -> None:
    (update, star, again) = operations(
        StateChange(kind=StateKind.ARCHIVED, chat=BERT, timestamp=AT),
        StateChange(kind=StateKind.MUTED, chat=LID, until=7, timestamp=AT),
        StateChange(kind=StateKind.STARRED, chat=BERT, message=StateMessage(message_id="A1", from_me=False)),
        StateChange(kind=StateKind.PINNED, chat=GROUP, on=False),
    )
    assert isinstance(update, UpdateChats)
    assert isinstance(again, UpdateChats)
    assert [(each.chat, each.told_as, each.archived, each.muted_until, each.at) for each in update.changes] == [
        (BERT, None, True, None, NOON),
        (BERT, LID, None, 7, NOON),
    ]
    assert isinstance(star, SetStar)
    assert (star.message_id, star.chat, star.starred) == ("A1", BERT, True)
    assert [each.pinned for each in again.changes] == [False]


def test_what_is_deleted_here_says_up_to_where() -> None:
    message = StateMessage(message_id="A1", from_me=True)
    dropped, cleared, deleted = operations(
        StateChange(kind=StateKind.MESSAGE_DELETED, chat=BERT, message=message),
        StateChange(kind=StateKind.CLEARED, chat=BERT, on=False, through=AT),
        StateChange(kind=StateKind.CHAT_DELETED, chat=LID, through=AT),
    )
    assert isinstance(dropped, DropMessage)
    assert isinstance(cleared, EmptyChat)
    assert isinstance(deleted, EmptyChat)
    assert dropped.from_me
    assert (cleared.through, cleared.spares_starred, cleared.with_chat) == (NOON, True, False)
    assert (deleted.chat, deleted.spares_starred, deleted.with_chat) == (BERT, False, True)


def test_a_contact_that_is_saved_no_longer_has_no_name() -> None:
    (learnt,) = operations(StateChange(kind=StateKind.CONTACT, chat=BERT, name="", lid=LID))
    assert isinstance(learnt, LearnContacts)
    (contact,) = learnt.contacts
    assert [fact.value for fact in contact.facts.values()] == [""]


def test_what_is_no_chat_is_passed_over() -> None:
    assert operations(StateChange(kind=StateKind.PINNED, chat="~abc@invalid")) == []


@virtual
async def test_only_what_is_another_than_before_is_changed() -> None:
    async with world() as w:
        await w.connected()
        w.storage.chats.rows[BERT] = chat_row(BERT, archived=True, told_as=LID, last=("A1", 1))
        w.storage.messages.rows["A1"] = message_row(ANNA, "A1", chat=BERT, content={"kind": "text"}, sender=BERT)  # pyright: ignore[reportArgumentType]
        chats = w.manager.of(ANNA).chat_states
        ends = (NOON + timedelta(days=9)).isoformat().replace("+00:00", "Z")
        for data in ({"archived": True}, {"archived": False, "pinned": False}, {"mutedUntil": ends}, {"muted": True}):
            await chats.update(command("chat.update.v1", ANNA, {"chat": "+15550002222", **data}))
        states = w.engine.opened[0].states
        assert [(each.kind, each.chat, each.on, each.until) for each in states] == [
            (StateKind.ARCHIVED, LID, False, None),
            (StateKind.MUTED, LID, True, int((NOON + timedelta(days=9)).timestamp() * 1000)),
            (StateKind.MUTED, LID, True, None),
        ]
        assert states[0].message is not None
        assert states[0].message.message_id == "A1"


@virtual
async def test_a_new_device_waits_for_the_key_and_gives_up_after_a_while() -> None:
    async with world() as w:
        await w.connected()
        chats = w.manager.of(ANNA).chat_states
        pin = command("chat.update.v1", ANNA, {"chat": GROUP, "pinned": True})
        w.engine.state_answers = [StateUnreadable(), StateUnreadable()]
        await chats.update(pin)
        assert len(w.engine.opened[0].states) == 1
        w.engine.state_answers = [StateUnreadable() for _ in range(10)]
        with pytest.raises(StateUnavailable):
            await chats.update(pin)


@virtual
async def test_what_the_app_state_says_is_stored_with_its_keys() -> None:
    async with world() as w:
        await w.connected()
        muted = StateChange(kind=StateKind.MUTED, chat=BERT)
        key = ("app-state-sync-version", "regular_high")
        await w.engine.opened[0].commit(Changes(keys={key: b"1"}, state=[StateChanges(changes=[muted])]))
        assert w.storage.keys.keys[ANNA][key] == b"1"
        assert w.storage.chats.rows[BERT].muted_until == FOR_EVER


@virtual
async def test_a_read_on_another_device_is_no_status_of_ours() -> None:
    async with world() as w:
        await w.connected()
        receipt = ReceiptArrived(message_ids=["A1"], chat=BERT, kind=ReceiptKind.READ_ELSEWHERE, timestamp=AT)
        await w.engine.opened[0].notify(receipt)
        (read,) = w.storage.chats.operations
        assert read.changes[0].read.message_ids == ["A1"]
        assert not [event for kind, event in w.storage.events if kind == "message.status.v1"]
