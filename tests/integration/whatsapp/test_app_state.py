"""The app state over the real bridge, with a phone that does things at the same time and a server that is strict."""

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway_worker.whatsapp.app_state import StateChange, StateKind, StateMessage
from gateway_worker.whatsapp.facts import Disconnected, FactUnreadable
from gateway_worker.whatsapp.port import Changes
from tests.support.whatsapp.engine import Lab, Session
from tests.support.whatsapp.phones import Phone

LOW = "regular_low"


class StoreAwayError(Exception):
    """The database is away."""


async def refuse_state(changes: Changes) -> None:
    if changes.state:
        raise StoreAwayError


async def take_all(_: Changes) -> None:
    """The database is back."""


async def by_phone(lab: Lab, session: Session, action: str, **fields: object) -> None:
    await lab.phones.post(f"/phones/{session.phone.number}/{action}", fields)


def stored(session: Session, kind: StateKind) -> list[StateChange]:
    parts = [part for commit in session.owner.commits for part in commit.state]
    return [change for part in parts for change in part.changes if change.kind is kind]


async def until(session: Session, kind: StateKind, count: int = 1) -> list[StateChange]:
    await session.owner.until(lambda: len(stored(session, kind)) >= count)
    return stored(session, kind)


async def is_read(session: Session, collection: str = LOW) -> None:
    await session.owner.until(lambda: ("app-state-sync-version", collection) in session.owner.keys)


async def state_of(lab: Lab, phone: Phone) -> Mapping[tuple[str, ...], Mapping[str, Any]]:
    async with lab.phones.http.get(f"/phones/{phone.number}/app-state") as response:
        entries = await response.json()
    return {tuple(entry["index"]): entry for entry in entries}


async def test_what_the_phone_does_is_stored_with_the_version_that_brings_it(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await is_read(session)
    await by_phone(shared, session, "chat", chat=bob.number, archived=True)
    (archived,) = await until(session, StateKind.ARCHIVED)
    assert (archived.chat, archived.on) == (bob.jid, True)
    with_it = next(commit for commit in session.owner.commits if commit.state)
    assert ("app-state-sync-version", LOW) in with_it.keys
    await by_phone(shared, session, "chat", chat=bob.number, muted=True, mutedUntil=1_900_000_000_000)
    (muted,) = await until(session, StateKind.MUTED)
    assert (muted.on, muted.until) == (True, 1_900_000_000_000)
    await by_phone(shared, session, "save", contact=bob.number, name="Bob the builder")
    (saved,) = await until(session, StateKind.CONTACT)
    assert (saved.chat, saved.name) == (bob.jid, "Bob the builder")
    await by_phone(shared, session, "forget", contact=bob.number)
    assert (await until(session, StateKind.CONTACT, 2))[-1].name == ""
    await connection.close()


async def test_what_was_not_stored_is_read_again_at_the_next_login(shared: Lab) -> None:
    session, _ = await shared.connected()
    bob = await shared.phones.give("Bob")
    await is_read(session)
    session.owner.before_commit = refuse_state
    await by_phone(shared, session, "chat", chat=bob.number, pinned=True)
    await session.owner.next(Disconnected, 2)
    assert stored(session, StateKind.PINNED) == []
    session.owner.before_commit = take_all
    connection = await session.connect()
    await until(session, StateKind.PINNED)
    await by_phone(shared, session, "chat", chat=bob.number, pinned=False)
    assert [each.on for each in await until(session, StateKind.PINNED, 2)] == [True, False]
    await connection.close()


async def test_what_was_so_before_is_read_from_a_snapshot(shared: Lab) -> None:
    session = await shared.unpaired()
    bob = await shared.phones.give("Bob")
    await by_phone(shared, session, "chat", chat=bob.number, pinned=True)
    await by_phone(shared, session, "app-state", kind="forget_patches")
    await shared.pair(session)
    connection = await session.connect()
    await until(session, StateKind.PINNED)
    (part,) = [part for commit in session.owner.commits for part in commit.state if part.changes[0].chat == bob.jid]
    assert part.from_before
    await connection.close()


async def test_a_damaged_patch_is_repaired_from_a_snapshot_and_said(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await is_read(session)
    session.owner.before_commit = refuse_state
    await by_phone(shared, session, "chat", chat=bob.number, pinned=True)
    await session.owner.next(Disconnected, 2)
    await by_phone(shared, session, "app-state", kind="damage")
    session.owner.before_commit = take_all
    connection = await session.connect()
    (pinned,) = await until(session, StateKind.PINNED)
    assert pinned.on
    fault = await session.owner.next(FactUnreadable)
    assert (fault.fact, fault.detail) == ("app_state", "patch_mac")
    await connection.change_state([StateChange(kind=StateKind.PINNED, chat=bob.jid, on=False)])
    assert (await state_of(shared, session.phone))["pin_v1", bob.jid]["action"]["pinAction"] == {"pinned": False}
    await connection.close()


async def test_a_key_that_the_phone_has_not_shared_is_asked_for(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await is_read(session)
    await by_phone(shared, session, "app-state", kind="withheld_key")
    await by_phone(shared, session, "chat", chat=bob.number, pinned=True)
    (pinned,) = await until(session, StateKind.PINNED)
    assert pinned.on
    await connection.change_state([StateChange(kind=StateKind.ARCHIVED, chat=bob.jid)])
    await connection.close()


async def test_changes_of_ours_reach_the_phone_and_are_stored(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    last = StateMessage(message_id="3EB0AA", from_me=False, timestamp=1_800_000_000)
    await is_read(session)
    await connection.change_state(
        [
            StateChange(kind=StateKind.ARCHIVED, chat=bob.jid, message=last),
            StateChange(kind=StateKind.MUTED, chat=bob.jid),
            StateChange(kind=StateKind.READ, chat=bob.jid, on=False, message=last),
            StateChange(kind=StateKind.STARRED, chat=bob.jid, message=last),
            StateChange(kind=StateKind.MESSAGE_DELETED, chat=bob.jid, message=last),
            StateChange(kind=StateKind.CLEARED, chat=bob.jid, message=last),
            StateChange(kind=StateKind.CHAT_DELETED, chat=bob.jid, message=last),
            StateChange(kind=StateKind.CONTACT, chat=bob.jid, name="Bob Builder"),
        ]
    )
    state = await state_of(shared, session.phone)
    archived = state["archive", bob.jid]["action"]["archiveChatAction"]
    assert archived["archived"]
    assert archived["messageRange"]["lastMessageTimestamp"] == "1800000000"
    assert archived["messageRange"]["messages"][0]["key"]["id"] == "3EB0AA"
    assert state["pin_v1", bob.jid]["action"]["pinAction"] == {"pinned": False}
    assert state["mute", bob.jid]["action"]["muteAction"] == {"muted": True, "muteEndTimestamp": "-1"}
    assert state["markChatAsRead", bob.jid]["action"]["markChatAsReadAction"]["read"] is False
    assert state["star", bob.jid, "3EB0AA", "0", "0"]["action"]["starAction"] == {"starred": True}
    assert ("deleteMessageForMe", bob.jid, "3EB0AA", "0", "0") in state
    assert ("clearChat", bob.jid, "1", "1") in state
    assert ("deleteChat", bob.jid, "1") in state
    assert state["contact", bob.jid]["action"]["contactAction"]["fullName"] == "Bob Builder"
    assert [len(stored(session, kind)) for kind in (StateKind.ARCHIVED, StateKind.CHAT_DELETED)] == [1, 1]
    await connection.close()


async def test_both_change_at_once_and_end_equal(shared: Lab) -> None:
    session, connection = await shared.connected()
    people = [await shared.phones.give(f"P{number}") for number in range(6)]
    await is_read(session)

    async def ours(person: Phone) -> None:
        await connection.change_state([StateChange(kind=StateKind.PINNED, chat=person.jid)])

    async def theirs(person: Phone) -> None:
        await by_phone(shared, session, "chat", chat=person.number, pinned=True)

    await asyncio.gather(*(ours(person) if number % 2 else theirs(person) for number, person in enumerate(people)))
    found = await until(session, StateKind.PINNED, len(people))
    assert {each.chat for each in found} == {person.jid for person in people}
    state = await state_of(shared, session.phone)
    assert {index[1] for index in state if index[0] == "pin_v1"} == {person.jid for person in people}
    assert (await shared.phones.stats())["appStateRefused"] == 0
    await connection.close()
