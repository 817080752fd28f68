"""vCards as WhatsApp's clients write and read them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.whatsapp.card_lines import Budget
from gateway_worker.whatsapp.vcards import MAX_PHONES, card_text, display_name, read_card, reading
from schemas.content.content import MAX_CARDS, MAX_NAME, MAX_VCARD, ContactCard
from schemas.content.vcards import without_pictures

_names = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60).map(str.strip)
_phones = st.integers(1_000_000, 10**15 - 1).map("+{}".format)


def cards_of(texts: list[str]) -> list[ContactCard]:
    return [card for card in reading(texts) if card is not None]


@given(name=_names.filter(bool), phones=st.lists(_phones, min_size=1, max_size=5, unique=True))
def test_what_we_write_we_read_again(name: str, phones: list[str]) -> None:
    card = ContactCard(name=name, phones=phones, email="ben@example.org")
    assert read_card(card_text(card)) == card


def test_a_card_is_written_as_whatsapp_writes_it() -> None:
    card = ContactCard(name="Ben; the 2nd", phones=["+15550002222"], organization="Acme")
    assert card_text(card).split("\n") == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "N:;Ben\\; the 2nd;;;",
        "FN:Ben\\; the 2nd",
        "ORG:Acme;",
        "TEL;type=CELL;type=VOICE;waid=15550002222:+15550002222",
        "END:VCARD",
    ]


def test_a_phones_card_is_read_whatever_its_lines_are_called() -> None:
    text = (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Bauer;Ben;;;\r\nFN:Ben\r\n  Bauer\r\n"
        "item1.TEL;waid=15550002222:+1 (555) 000-2222\r\nitem1.X-ABLabel:Mobil\r\nTEL;type=HOME:0211 12345\r\n"
        "ORG:Acme;\r\nEMAIL;type=WORK:ben@example.org\r\nTEL:call me\r\nEND:VCARD"
    )
    assert read_card(text) == ContactCard(
        name="Ben Bauer",
        phones=["+15550002222", "0211 12345"],
        organization="Acme",
        email="ben@example.org",
        vcard=text,
    )


def test_numbers_of_version_4_are_read() -> None:
    text = "BEGIN:VCARD\nVERSION:4.0\nFN:Ben\nTEL;VALUE=uri;TYPE=cell:tel:+15550002222;ext=5\nEND:VCARD"
    assert read_card(text) == ContactCard(name="Ben", phones=["+15550002222"], vcard=text)


CODED = "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE"
READ: dict[str, tuple[str, str | None, list[str]]] = {
    "quoted-printable": (f"{CODED}:J=C3=B6rg=20M=C3=BCller", "Jörg Müller", []),
    "in several lines": (f"{CODED}:J=C3=B6rg=\n=20M=C3=BCller\nTEL:112", "Jörg Müller", ["112"]),
    "western": ("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:J=F6rg", "Jörg", []),
    "no charset that is one": ("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=idna:J=C3=B6rg", "Jörg", []),
    "base64": ("FN;ENCODING=BASE64:SsO2cmc=", "Jörg", []),
    "of version 2.1": ("N:Müller;Jörg;;Dr.;\nTEL;CELL;PREF:030/202020", "Dr. Jörg Müller", ["030/202020"]),
    "a name of escapes": ("N:Bauer\\; Sons\\\\;Ben\\, Bo;A,B", "Ben, Bo A B Bauer; Sons\\", []),
    "a firm": ("N:;;;;\nFN:\nORG:Acme;Sales", "Acme, Sales", []),
    "escaped": ("FN:Ben\\, Bauer\\; Jr.", "Ben, Bauer; Jr.", []),
    "unescaped comma": ("FN:Bauer, Ben", "Bauer, Ben", []),
    "directions": ("FN:x\nTEL;type=CELL:\u202a+49\u00a0171\u00a012345\u202c", "x", ["+49 171 12345"]),
    "letters": ("FN:x\nTEL:1-800-FLOWERS", "x", ["1-800-FLOWERS"]),
    "codes": ("FN:x\nTEL:*123#\nTEL:+1 555,,9", "x", ["*123#", "+1 555,,9"]),
    "another's": ("FN:x\nAGENT:\nBEGIN:VCARD\nFN:y\nTEL:5555\nEND:VCARD\nTEL:112", "x", ["112"]),
    "old line ends": ("FN:x\rTEL:112", "x", ["112"]),
}


@pytest.mark.parametrize("name", READ)
def test_cards_of_every_origin_are_read(name: str) -> None:
    lines, called, phones = READ[name]
    card = read_card(f"BEGIN:VCARD\nVERSION:2.1\n{lines}\nEND:VCARD")
    assert (card.name, list(card.phones)) == (called, phones)


@pytest.mark.parametrize("line", ["TEL:call me", "NOTE:vip", "EMAIL:b@example.org\nEMAIL:c@example.org", "FN;X-A=b:x"])
def test_a_card_is_kept_where_it_holds_more_than_is_read(line: str) -> None:
    text = f"BEGIN:VCARD\nVERSION:3.0\nFN:Ben\n{line}\nEND:VCARD"
    kept = read_card(text)
    assert (kept.name, kept.vcard) == ("Ben", text)


def test_a_file_of_several_cards_is_several_people() -> None:
    one, other = (f"BEGIN:VCARD\nFN:{name}\nTEL:{number}\nEND:VCARD" for name, number in (("A", 111), ("B", 222)))
    assert [(card.name, *card.phones) for card in cards_of([f"{one}\r\n\r\n{other}\r\n"])] == [
        ("A", "111"),
        ("B", "222"),
    ]


def test_pictures_are_dropped_however_they_are_folded() -> None:
    head, tail = "BEGIN:VCARD\nFN:A\n", "TEL:111\nEND:VCARD"
    data = "QUJD" * 20
    for picture in (
        f"PHOTO;ENCODING=b;TYPE=JPEG:{data}\n {data}\n {data}\n",
        f"item1.PHOTO;ENCODING=BASE64:\n{data}\n{data}\n\n",
        f"photo:data:image/jpeg;base64,{data}\n\t{data}\n",
        f"X-MS-CARDPICTURE;TYPE=JPEG;ENCODING=BASE64:\n {data}\n {data}\n\n",
    ):
        assert without_pictures(head + picture + tail).replace("\n\n", "\n") == head + tail


def test_a_card_that_says_nothing_is_kept_as_it_came() -> None:
    assert read_card("BEGIN:VCARD\nNOTE:x\nEND:VCARD") == ContactCard(vcard="BEGIN:VCARD\nNOTE:x\nEND:VCARD")


def test_a_given_card_is_sent_as_it_is_under_its_own_name() -> None:
    card = ContactCard(vcard="BEGIN:VCARD\nFN:Ben\nEND:VCARD")
    assert (card_text(card), display_name(card)) == (card.vcard, "Ben")
    for line in ("TEL:112\nEMAIL:b@example.org", "EMAIL:112"):
        assert display_name(ContactCard(vcard=f"BEGIN:VCARD\n{line}\nEND:VCARD")) == "112"


def test_the_time_to_read_a_card_grows_no_faster_than_the_card() -> None:
    def card(lines: int) -> str:
        return "FN:x\n" + "".join(f"TEL:{number:08}\n" for number in range(lines))

    small, large = _seconds(card(1_000)), _seconds(card(8_000))
    assert large <= 12 * small


def test_what_is_read_of_the_cards_of_one_message_is_bounded_together() -> None:
    budget = Budget(characters=1_000, lines=30, values=20)
    read = [read_card("FN:Ben\nTEL:+15550002222\n", budget) for _ in range(40)]
    assert read[0] == ContactCard(name="Ben", phones=["+15550002222"])
    assert read[-1] == ContactCard(vcard="FN:Ben\nTEL:+15550002222\n")
    assert min(budget.characters, budget.lines, budget.values) <= 0


def test_what_is_read_of_a_card_is_bounded() -> None:
    numbers = "".join(f"TEL:{number:08}\n" for number in range(100))
    card = read_card(f"FN:{'x' * 5_000}\n{numbers}")
    assert len(card.name or "") == MAX_NAME
    assert list(card.phones) == [f"{number:08}" for number in range(MAX_PHONES)]
    assert len(read_card("X:" + "y" * 100_000).vcard or "") == MAX_VCARD
    assert len(cards_of(["FN:Ben"] * 400)) == MAX_CARDS


def _seconds(text: str) -> float:
    """The least processor time of a few readings: what else the machine does only adds to it."""
    times: list[float] = []
    for _ in range(7):
        began = time.process_time()
        for _ in range(5):
            read_card(text)
        times.append(time.process_time() - began)
    return min(times)
