"""The text of vCards (RFC 2426, RFC 6350, vCard 2.1): the cards of a file, without their pictures. Pure, linear."""

import re
from itertools import islice
from typing import Final

MAX_CARD_FILE: Final = 524_288
"""Characters of what a command may give: cards with photos, whose photos are dropped."""

_BOUNDARY: Final = re.compile(":VCARD")
_MAX_BOUNDARIES: Final = 1_024  # ends and beginnings of cards that are looked at
_BEGIN, _END = "BEGIN", "END"
_PICTURES: Final = ("PHOTO", "LOGO", "SOUND", "KEY", "X-IMAGE", "X-MS-CARDPICTURE")
_PICTURE: Final = re.compile(
    r"^(?:[\w-]{1,64}\.)?(?:PHOTO|LOGO|SOUND|KEY|X-IMAGE|X-MS-CARDPICTURE)[;:].*"
    r"(?:\n[ \t].*|\n[A-Za-z0-9+/=]+[ \t]*(?=\n))*\n?",
    re.IGNORECASE | re.MULTILINE,
)
"""A picture, folded in one of the ways: the next lines begin with a blank, or are nothing but base64."""


def plain_lines(text: str) -> str:
    """With one kind of line end, and without the mark in front that says how it was encoded."""
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def without_pictures(text: str) -> str:
    """The same cards without photos, logos, sounds and keys: WhatsApp shows none of them."""
    upper = text.upper()
    return _PICTURE.sub("", plain_lines(text)) if any(each in upper for each in _PICTURES) else text


def cards_in(text: str) -> list[str]:
    """Each card of a file, in order; a card within a card (`AGENT`) stays in it. What is no card is told as one."""
    if text.upper().count("BEGIN:VCARD") <= 1:
        return [text]
    lines = plain_lines(text)
    upper = lines.upper()
    if len(upper) != len(lines):  # some letters have no capital of their own
        upper = lines
    found: list[str] = []
    depth = start = 0
    for boundary in islice(_BOUNDARY.finditer(upper), _MAX_BOUNDARIES):
        at = boundary.start()
        if _is_line(upper, at - len(_BEGIN), _BEGIN):
            start = at - len(_BEGIN) if depth == 0 else start
            depth += 1
        elif depth > 0 and _is_line(upper, at - len(_END), _END):
            depth -= 1
            if depth == 0:
                found.append(lines[start : boundary.end()])
    if depth > 0:
        found.append(lines[start:])
    return found or [text]


def _is_line(upper: str, at: int, word: str) -> bool:
    """Whether a line begins there, and with that word."""
    return at >= 0 and upper.startswith(word, at) and (at == 0 or upper[at - 1] == "\n")
