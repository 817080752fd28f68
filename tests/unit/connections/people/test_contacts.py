"""From what is told of people to what is written."""

from datetime import UTC, datetime, timedelta

from gateway_worker.connections.people.contacts import MAX_KNOWN, KnownAuthors, learnt_contacts
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.contacts import Contact, ContactFact
from gateway_worker.whatsapp.incoming import ReceivedMessage, Sender
from gateway_worker.whatsapp.people import ContactReport, ContactsReported
from schemas.content.content import Text
from schemas.events.contacts import MAX_ABOUT, ContactChange
from schemas.model import MAX_ATTRIBUTE
from tests.support.connections.world import MAPPINGS

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
THEN = int((NOW - timedelta(hours=1)).timestamp())
PN, LID, PHONE = "15550002222@s.whatsapp.net", "42@lid", "+15550002222"


def people() -> Identities:
    known = Identities(MAPPINGS)
    known.learn({LID: PN})
    return known


def contacts(*seen: ContactReport) -> list[Contact]:
    return [
        each
        for operation in learnt_contacts(ContactsReported(contacts=seen), people(), NOW)
        for each in operation.contacts
    ]


def said(name: str | None, jid: str = LID, *, at: int = THEN, from_me: bool = False) -> ReceivedMessage:
    return ReceivedMessage(
        message_id="M",
        chat=jid,
        sender=Sender(jid=jid, push_name=name),
        from_me=from_me,
        is_group=False,
        timestamp=at,
        content=Text(text="Hi"),
    )


def test_a_person_has_the_number_as_its_name_and_all_others_beside_it() -> None:
    facts = {ContactChange.PUSH_NAME: ContactFact(value="Ben", at=THEN)}
    for jid in (PN, LID):
        seen = contacts(ContactReport(jid=jid, push_name="Ben", timestamp=THEN))
        assert seen == [Contact(jid=PN, lid=LID, phone=PHONE, facts=facts)]
    (stranger,) = contacts(ContactReport(jid="77@lid", push_name="Eve", timestamp=THEN))
    assert (stranger.jid, stranger.lid, stranger.phone) == ("77@lid", "77@lid", None)


def test_texts_of_strangers_are_bounded_and_their_times_sane() -> None:
    (contact,) = contacts(ContactReport(jid=PN, push_name="x" * 9_999, about="y" * 9_999, timestamp=10**12))
    assert [len(fact.value) for fact in contact.facts.values()] == [MAX_ATTRIBUTE, MAX_ABOUT]
    assert {fact.at for fact in contact.facts.values()} == {int(NOW.timestamp())}
    (unknown,) = contacts(ContactReport(jid=PN, push_name="Ben", timestamp=0))
    assert unknown.facts[ContactChange.PUSH_NAME].at == 0


def test_only_people_are_contacts() -> None:
    assert (
        contacts(ContactReport(jid="1203@g.us", push_name="We"), ContactReport(jid="1@newsletter", picture="1")) == []
    )


def test_of_messages_only_what_may_be_new_is_written() -> None:
    authors, known = KnownAuthors(), people()
    assert authors.learn([said(None), said("Ann", from_me=True)], known, NOW) == []
    (first,) = authors.learn([said("Ben"), said("Ben", PN)], known, NOW)
    assert [contact.jid for contact in first.contacts] == [PN]
    assert authors.learn([said("Ben", at=THEN + 60)], known, NOW) == []
    (renamed,) = authors.learn([said("Benny"), said("Ben")], known, NOW)
    names = [contact.facts[ContactChange.PUSH_NAME].value for contact in renamed.contacts]
    assert names == ["Benny", "Ben"]


def test_a_number_that_becomes_known_is_new() -> None:
    authors, known = KnownAuthors(), Identities(MAPPINGS)
    authors.learn([said("Ben")], known, NOW)
    known.learn({LID: PN})
    (news,) = authors.learn([said("Ben")], known, NOW)
    assert [(contact.jid, contact.phone) for contact in news.contacts] == [(PN, PHONE)]


def test_who_was_heard_of_longest_ago_is_forgotten() -> None:
    authors, known = KnownAuthors(), Identities(MAPPINGS)
    for number in range(MAX_KNOWN + 1):
        authors.learn([said("x", f"{number}@lid")], known, NOW)
    assert authors.learn([said("x", f"{MAX_KNOWN}@lid")], known, NOW) == []
    assert authors.learn([said("x", "0@lid")], known, NOW)
