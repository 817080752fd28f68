"""What is known of people, against a real PostgreSQL: told once, and only when it is new."""

from collections.abc import Sequence
from typing import Any, cast

import asyncpg
import pytest

from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.commands import RecordCommand
from gateway_worker.store.operations.contacts import OWN, Contact, ContactFact
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import Fence
from gateway_worker.store.store import Store
from schemas.events.contacts import ContactChange
from schemas.events.events import CONTACT_BLOCKED, CONTACT_UPDATED, PROFILE_UPDATED
from tests.integration.store.conftest import SESSION
from tests.support.store.stores import NOON, OutboxListener, key

PN, LID, PHONE = "15550002222@s.whatsapp.net", "42@lid", "+15550002222"
AT = int(NOON.timestamp())


def named(name: str, at: int = AT, *, jid: str = PN, lid: str | None = LID, **more: str) -> Contact:
    facts = {ContactChange.PUSH_NAME: name} | {ContactChange(change): value for change, value in more.items()}
    return Contact(
        jid=jid,
        lid=lid,
        phone=PHONE if jid == PN else None,
        facts={change: ContactFact(value=value, at=at) for change, value in facts.items()},
    )


def learn(*contacts: Contact, from_before: bool = False) -> LearnContacts:
    return LearnContacts(contacts=contacts, from_before=from_before)


async def rows(url: str) -> Sequence[tuple[str, bytes]]:
    connection = cast("Any", await asyncpg.connect(url))
    try:
        return [(row["jid"], row["value"]) for row in await connection.fetch("SELECT * FROM contacts ORDER BY jid")]
    finally:
        await connection.close()


async def test_a_name_is_told_once_and_another_one_again(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    heard = OutboxListener(store)
    assert await store.commit(fence, learn(named("Ben"))) == (1,)
    assert await store.commit(fence, learn(named("Ben", AT + 1))) == (0,)
    assert await store.commit(fence, learn(named("Benny", AT + 2))) == (1,)
    assert await store.commit(fence, learn(named("Ben"))) == (0,)  # an old message comes again
    common = {"sessionId": SESSION, "jid": PN, "lid": LID, "phone": PHONE, "changed": ["pushName"]}
    assert [(each.type, each.data) for each in heard.events] == [
        (CONTACT_UPDATED.type, {**common, "pushName": "Ben", "timestamp": "2026-11-22T12:00:00Z"}),
        (CONTACT_UPDATED.type, {**common, "pushName": "Benny", "timestamp": "2026-11-22T12:00:02Z"}),
    ]
    for each in heard.events:
        CONTACT_UPDATED.model.model_validate(each.data)
    ((jid, value),) = await rows(migrated_database_url)
    assert (jid, b"Benny" in value) == (PN, False)


async def test_what_was_not_committed_is_told_with_the_next_try(store: Store, fence: Fence) -> None:
    broken = RecordCommand(key=key(1), body_hash=b"x", type="a\0b")  # refused, as in a crash before the commit
    with pytest.raises(Exception, match="cannot be stored"):
        await store.commit(fence, broken, learn(named("Ben")))
    with pytest.raises(StaleEpoch):
        await store.commit(Fence(session_id=SESSION, epoch=fence.epoch - 1), learn(named("Ben")))
    assert await store.commit(fence, learn(named("Ben"))) == (1,)


async def test_many_people_are_one_transaction_and_those_of_before_are_not_told(store: Store, fence: Fence) -> None:
    heard, before = OutboxListener(store), store.transactions
    people = [named(f"Person {n}", 0, jid=f"{n}@lid", lid=f"{n}@lid") for n in range(1_000)]
    assert await store.commit(fence, learn(*people, from_before=True)) == (0,)
    assert await store.commit(fence, learn(*people)) == (0,)
    assert (store.transactions - before, heard.events) == (2, [])
    renamed = [named(f"Renamed {n}", jid=f"{n}@lid", lid=f"{n}@lid") for n in range(3)]
    assert await store.commit(fence, learn(*renamed)) == (3,)
    assert [each.data["pushName"] for each in heard.events] == ["Renamed 0", "Renamed 1", "Renamed 2"]


async def test_changes_of_one_person_in_one_commit_are_told_in_order(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, AppendEvent(type="x.v1", data={}), learn(named("A"), named("B")), learn(named("A")))
    assert [each.data.get("pushName") for each in heard.events] == [None, "A", "B", "A"]


async def test_the_lid_and_the_number_of_a_person_become_one_contact(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, learn(named("Ben", jid=LID), named("Ben", lid=None, savedName="Plumber")))
    await store.commit(fence, learn(named("Ben", AT + 1)))
    seen = heard.events[-1].data
    assert (seen["changed"], seen["savedName"], seen["phone"], seen["lid"]) == (["lid", "phone"], "Plumber", PHONE, LID)
    assert [jid for jid, _ in await rows(migrated_database_url)] == [PN]


async def test_a_picture_is_told_when_it_changes_and_not_with_other_changes(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    for picture in ("7", "7", "8", ""):
        await store.commit(fence, learn(named("Ben", picture=picture)))
    await store.commit(fence, learn(named("Benny")))
    assert [each.data.get("picture") for each in heard.events] == ["changed", "changed", "removed", None]


@pytest.mark.parametrize("purge", [False, True])
async def test_nobody_is_known_to_a_session_that_was_deleted(
    store: Store, fence: Fence, migrated_database_url: str, *, purge: bool
) -> None:
    await store.commit(fence, learn(named("Ben"), from_before=True))
    await store.sessions.forget(fence.session_id, fence.epoch, purge=purge)
    assert await rows(migrated_database_url) == []


async def test_contacts_go_with_the_account_that_is_unlinked(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await store.commit(fence, learn(named("Ben")))
    await store.commit(fence, DropCredentials())
    assert await rows(migrated_database_url) == []


def blocked(on: bool, *, jid: str = PN, lid: str | None = LID) -> Contact:  # noqa: FBT001 (that is all it says)
    return Contact(jid=jid, lid=lid, phone=PHONE if jid == PN else None, blocked=on)


async def test_who_is_blocked_is_told_once_and_listed(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    assert await store.commit(fence, learn(blocked(True, jid="7@lid", lid="7@lid"), from_before=True)) == (0,)
    assert await store.commit(fence, learn(named("Ben"))) == (1,)
    assert await store.commit(fence, learn(blocked(True, jid=LID))) == (1,)
    assert await store.commit(fence, learn(blocked(True), named("Ben", AT + 1))) == (1,)  # the number is new
    people = await store.contacts.blocked(SESSION, "", 10)
    assert [(each.jid, each.blocked) for each in people] == [(PN, True), ("7@lid", True)]
    assert [each.jid for each in await store.contacts.blocked(SESSION, PN, 10)] == ["7@lid"]
    assert await store.commit(fence, learn(blocked(False), blocked(False, jid="7@lid", lid="7@lid"))) == (2,)
    assert await store.commit(fence, learn(blocked(False))) == (0,)
    told = [(each.data["jid"], each.data["blocked"]) for each in heard.events if each.type == CONTACT_BLOCKED.type]
    assert told == [(LID, True), (PN, False), ("7@lid", False)]
    assert await store.contacts.blocked(SESSION, "", 10) == []
    assert [each.jid for each in await store.contacts.list(SESSION, "", 10)] == [PN]  # of the other nothing is known


async def test_how_the_account_shows_itself_is_told_once_and_stands_in_no_list(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)

    def own(change: ContactChange, value: str, at: int) -> LearnContacts:
        return learn(Contact(jid=OWN, facts={change: ContactFact(value=value, at=at)}))

    assert await store.commit(fence, own(ContactChange.ABOUT, "Open", AT)) == (1,)
    assert await store.commit(fence, own(ContactChange.ABOUT, "Open", AT + 1)) == (0,)
    assert await store.commit(fence, own(ContactChange.PICTURE, "7", AT + 1)) == (1,)
    assert await store.commit(fence, own(ContactChange.ABOUT, "", AT + 2)) == (1,)
    assert [(each.type, each.data) for each in heard.events] == [
        (
            PROFILE_UPDATED.type,
            {"sessionId": SESSION, "about": "Open", "changed": ["about"], "timestamp": "2026-11-22T12:00:00Z"},
        ),
        (
            PROFILE_UPDATED.type,
            {"sessionId": SESSION, "picture": "changed", "changed": ["picture"], "timestamp": "2026-11-22T12:00:01Z"},
        ),
        (
            PROFILE_UPDATED.type,
            {"sessionId": SESSION, "changed": ["about"], "timestamp": "2026-11-22T12:00:02Z"},
        ),
    ]
    assert await store.contacts.list(SESSION, "", 10) == []
