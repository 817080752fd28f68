"""What of a contact is new."""

from collections.abc import Mapping

from gateway_worker.store.operations.contacts import Contact, ContactFact, learn
from schemas.events.contacts import ContactChange

PN, LID, PHONE = "15550002222@s.whatsapp.net", "42@lid", "+15550002222"
NAME, SAVED, PICTURE = ContactChange.PUSH_NAME, ContactChange.SAVED_NAME, ContactChange.PICTURE


def ben(names: Mapping[ContactChange, str], at: int = 10, *, jid: str = PN, lid: str | None = LID) -> Contact:
    facts = {name: ContactFact(value=value, at=at) for name, value in names.items()}
    return Contact(jid=jid, lid=lid, phone=PHONE if jid == PN else None, facts=facts)


def test_who_is_heard_of_for_the_first_time_is_told() -> None:
    contact, changed = learn([], ben({NAME: "Ben"}))
    assert (contact, changed) == (ben({NAME: "Ben"}), [NAME])


def test_a_repeated_name_is_not_told() -> None:
    assert learn([ben({NAME: "Ben"})], ben({NAME: "Ben"}, 20)) == (ben({NAME: "Ben"}), [])


def test_another_name_is_told_and_nothing_else_is_forgotten() -> None:
    contact, changed = learn([ben({NAME: "Ben", SAVED: "Plumber"})], ben({NAME: "Benny"}, 20))
    assert changed == [NAME]
    assert {name: fact.value for name, fact in contact.facts.items()} == {NAME: "Benny", SAVED: "Plumber"}


def test_what_is_older_than_what_is_known_changes_nothing() -> None:
    known = ben({NAME: "Benny"}, 20)
    assert learn([known], ben({NAME: "Ben"}, 19)) == (known, [])
    assert learn([known], ben({NAME: "Ben"}, 20))[1] == [NAME]  # within a second the order of arrival counts


def test_what_is_gone_is_told_if_it_was_there() -> None:
    assert learn([], ben({SAVED: ""})) == (ben({}), [])
    contact, changed = learn([ben({SAVED: "Plumber"})], ben({SAVED: ""}, 20))
    assert (contact.facts[SAVED].value, changed) == ("", [SAVED])
    assert learn([contact], ben({SAVED: ""}, 30))[1] == []


def test_a_picture_that_is_removed_is_told_though_nobody_knew_of_it_once() -> None:
    contact, changed = learn([], ben({PICTURE: ""}))
    assert changed == [PICTURE]
    assert learn([contact], ben({PICTURE: ""}))[1] == []
    assert learn([contact], ben({PICTURE: "7"}, 20))[1] == [PICTURE]


def test_what_was_so_before_is_known_without_a_word() -> None:
    contact, changed = learn([], ben({NAME: "Ben"}, 0), from_before=True)
    assert (contact, changed) == (ben({NAME: "Ben"}, 0), [])
    assert learn([contact], ben({SAVED: "Plumber"}), from_before=True)[1] == []
    assert learn([ben({NAME: "Ben"}, 1)], ben({NAME: "Benny"}, 2), from_before=True) == (ben({NAME: "Benny"}, 2), [])
    assert learn([contact], ben({NAME: "Benny"}))[1] == [NAME]


def test_a_number_that_becomes_known_is_told_under_the_one_name() -> None:
    contact, changed = learn([ben({NAME: "Ben"}, jid=LID)], ben({NAME: "Ben"}, 20))
    assert (contact.jid, contact.phone, changed) == (PN, PHONE, [ContactChange.PHONE])
    later, changed = learn([contact], ben({NAME: "Ben"}, 30, lid=None))
    assert (later, changed) == (contact, [])


def test_two_contacts_that_are_one_person_have_the_newest_of_both() -> None:
    by_number = ben({NAME: "Ben", SAVED: "Plumber"}, 10, lid=None)
    by_lid = ben({NAME: "Benny"}, 20, jid=LID)
    contact, changed = learn([by_number, by_lid], ben({NAME: "Benny"}, 30))
    assert {name: fact.value for name, fact in contact.facts.items()} == {NAME: "Benny", SAVED: "Plumber"}
    assert (contact.jid, contact.lid, changed) == (PN, LID, [ContactChange.LID, ContactChange.PHONE])
