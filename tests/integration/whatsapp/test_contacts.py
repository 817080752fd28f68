"""What WhatsApp tells of people, over the real bridge: what is not stored is told again."""

import asyncio

from gateway_worker.whatsapp.app_state import StateKind
from gateway_worker.whatsapp.facts import Disconnected, Fact
from gateway_worker.whatsapp.people import ContactReport, ContactsReported, PresenceState
from gateway_worker.whatsapp.port import Changes
from tests.support.whatsapp.engine import Lab, Session, say
from tests.support.whatsapp.phones import Phone


class StoreAwayError(Exception):
    """The database is away."""


async def refuse_contacts(fact: Fact) -> None:
    if isinstance(fact, ContactsReported):
        raise StoreAwayError


async def take_all(_: Fact) -> None:
    """The database is back."""


async def save(lab: Lab, session: Session, person: Phone, name: str) -> None:
    await lab.phones.post(f"/phones/{session.phone.number}/save", {"contact": person.number, "name": name})


def published(session: Session) -> list[ContactReport]:
    return [contact for fact in session.owner.facts_of(ContactsReported) for contact in fact.contacts]


def saved_before(session: Session) -> list[str | None]:
    parts = [part for commit in session.owner.commits for part in commit.state if part.from_before]
    return [change.name for part in parts for change in part.changes if change.kind is StateKind.CONTACT]


async def test_a_notification_that_was_not_stored_comes_again(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await say(connection, bob, "so that WhatsApp tells of Bob")
    session.owner.before_notify = refuse_contacts
    await shared.phones.post(f"/phones/{bob.number}/about", {"text": "At work"})
    await session.owner.next(Disconnected, 2)
    session.owner.before_notify = take_all
    connection = await session.connect()
    await session.owner.next(ContactsReported)
    (news,) = published(session)
    assert (news.jid, news.phone, news.about) == (bob.jid, bob.number, "At work")
    await connection.close()


async def test_those_who_were_saved_before_are_told_as_that(shared: Lab) -> None:
    session = await shared.unpaired()
    people = [await shared.phones.give(f"Person {number}") for number in range(3)]
    for person in people:
        await save(shared, session, person, f"My {person.name}")
    await shared.pair(session)
    connection = await session.connect()
    await session.owner.until(lambda: len(saved_before(session)) == len(people))
    assert saved_before(session) == [f"My {person.name}" for person in people]
    await connection.close()


async def test_who_is_who_is_answered_when_it_is_stored(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    reached, stored = asyncio.Event(), asyncio.Event()

    async def slowly(changes: Changes) -> None:
        if any(kind == "lid-mapping" for kind, _ in changes.keys):
            reached.set()
            await stored.wait()

    session.owner.before_commit = slowly
    checking = asyncio.create_task(connection.check_contacts([bob.number]))
    await reached.wait()
    await connection.send_presence("", PresenceState.AVAILABLE)  # an answer: the bridge goes on meanwhile
    assert not checking.done()
    stored.set()
    (contact,) = await checking
    assert contact.jid == bob.jid
    await connection.close()
