"""Numbers and JIDs: what passes, what does not, and how one becomes the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import AddressKind, jid_of, kind_of, parse_jid, parse_phone, phone_of


@pytest.mark.parametrize(
    "phone",
    [
        "+15550001111",
        "+491700000001",
        "+4915112345678",
        "+5511987654321",
        "+5215512345678",
        "+525512345678",
        "+6591234567",
    ],
)
def test_numbers_that_could_exist_pass(phone: str) -> None:
    assert parse_phone(phone) == phone


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("15550001111", "E.164"),
        ("+0155500011", "E.164"),
        ("+1 5550001111", "E.164"),
        ("", "E.164"),
        ("+9995550001111", "country code"),
        ("+1555000111", "short"),
        ("+155500011112", "length"),
    ],
)
def test_numbers_that_cannot_exist_are_refused_with_the_reason(phone: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_phone(phone)


@given(st.integers(0, 9_999_999).map(lambda number: f"+1555{number:07d}"))
def test_a_number_survives_its_jid(phone: str) -> None:
    jid = jid_of(phone)
    assert phone_of(jid) == phone
    assert jid_of(jid) == jid
    assert kind_of(jid) is AddressKind.USER


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        jid = jid_of(text)
    except ValueError:
        return
    assert kind_of(jid) in AddressKind


def test_servers_tell_the_kind() -> None:
    assert kind_of(parse_jid("204857102938475@lid")) is AddressKind.LID
    assert kind_of(parse_jid("120363041234567890@g.us")) is AddressKind.GROUP
    assert phone_of("204857102938475@lid") is None
    assert phone_of("15550001111:7@s.whatsapp.net") == "+15550001111"
