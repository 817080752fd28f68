"""The lines of a vCard, as every version writes them: folded, escaped, quoted-printable, in charsets. Pure."""

import base64
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.content.vcards import plain_lines

_MAX_VALUE: Final = 1_024  # characters of one line's value that are looked at
_MAX_PARAMETERS: Final = 512  # characters of a line's name and parameters; a longer one is no line of ours
_COUNTED: Final = 128
_MAX_SOFT_LINES: Final = 32  # of one value in quoted-printable

_CHARSET: Final = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)")
_BACKSLASH, _ESCAPED_SEMICOLON, _ESCAPED_COMMA = "\ue000", "\ue001", "\ue002"  # stand for escaped ones meanwhile
_GUARDS: Final = str.maketrans({_BACKSLASH: "\\", _ESCAPED_SEMICOLON: ";", _ESCAPED_COMMA: ","})
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_MAX_PARTS: Final = 8  # of one value
_CHARSETS: Final = frozenset(
    {
        *("ascii", "us-ascii", "utf-8", "utf8", "utf-16", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5"),
        *("shift_jis", "shift-jis", "sjis", "euc-jp", "iso-2022-jp", "euc-kr", "tis-620"),
        *(f"iso-8859-{number}" for number in range(1, 17) if number != 12),  # noqa: PLR2004 (there is none)
        *(f"windows-125{number}" for number in range(9)),
        *(f"cp125{number}" for number in range(9)),
    }
)
"""Those that cards are written in. Python knows others that are no charsets."""
_READ: Final = frozenset({"FN", "N", "ORG", "EMAIL", "TEL"})
_FRAME: Final = frozenset({"BEGIN", "END", "VERSION", "PRODID"})


@dataclass(slots=True)
class Budget:
    """What may still be read of the cards of one message, and kept of them."""

    characters: int = 262_144
    lines: int = 2_048  # looked at
    values: int = 768  # taken apart; one of more than 128 characters counts as several
    kept: int = 262_144  # bytes of cards that are told as they came, beside what was read of them

    @property
    def is_spent(self) -> bool:
        """Whether something was not read."""
        return self.characters < 0 or self.lines < 0 or self.values < 0


class Property(NamedTuple):
    """A line. `value` is still escaped; `is_coded` tells that it was in an encoding, `is_cut` that it is longer."""

    name: str
    parameters: str
    value: str
    is_coded: bool = False
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The value as one text."""
        return _unescaped(self.value)


_OTHER: Final = Property(name="", parameters="", value="")
"""A line that we do not read."""


def properties(text: str, budget: Budget) -> Iterator[Property]:
    """The lines of a card that we read, those of cards within it left out; once, that there are others."""
    depth, are_all = 0, True
    lines = _lines(text, budget)
    for line in lines:
        head, colon, value = line.partition(":")
        name = head.partition(";")[0].rpartition(".")[2].upper()
        if name in _READ and colon and depth <= 1 and len(head) <= _MAX_PARAMETERS:
            budget.values -= 1 + len(value[:_MAX_VALUE]) // _COUNTED
            if budget.values < 0:
                return
            yield _property(name, head.partition(";")[2], value, lines)
            continue
        depth += (name == "BEGIN") - (name == "END")
        if are_all and line and (name not in _FRAME or depth > 1):
            are_all = False
            yield _OTHER


def components(value: str, *, keep_commas: bool = True) -> list[str]:
    """The parts of a value, between its semicolons."""
    guarded = value.replace("\\\\", _BACKSLASH).replace("\\;", _ESCAPED_SEMICOLON).replace("\\,", _ESCAPED_COMMA)
    parts = (guarded if keep_commas else guarded.replace(",", " ")).split(";", _MAX_PARTS)
    return [_unescaped(each).translate(_GUARDS) if guarded != value else _unescaped(each) for each in parts]


def in_one_line(text: str) -> str:
    """Without line ends and control characters."""
    return text.strip() if text.isascii() and text.isprintable() else _CONTROLS.sub("", text.replace("\n", " ")).strip()


def _lines(text: str, budget: Budget) -> Iterator[str]:
    """Its lines, unfolded: a long line goes on in the next one, behind a blank."""
    budget.characters -= len(text)
    if budget.characters < 0:
        text = text[: max(0, budget.characters + len(text))]
    unfolded = plain_lines(text).replace("\n ", "").replace("\n\t", "")
    for line in unfolded.split("\n", max(0, budget.lines)):
        budget.lines -= 1
        if budget.lines < 0:
            return
        yield line


def _property(name: str, parameters: str, value: str, lines: Iterator[str]) -> Property:
    upper = parameters.upper()
    is_cut = len(value) > _MAX_VALUE
    if "QUOTED-PRINTABLE" in upper:
        pieces = [value]
        while pieces[-1].endswith("=") and len(pieces) < _MAX_SOFT_LINES and (more := next(lines, None)) is not None:
            pieces[-1] = pieces[-1][:-1]
            pieces.append(more)
        joined = "".join(pieces)
        value = _decoded(quopri.decodestring(joined[:_MAX_VALUE].encode()), parameters)
        return Property(name=name, parameters="", value=value, is_coded=True, is_cut=len(joined) > _MAX_VALUE)
    if "BASE64" in upper or "ENCODING=B" in upper:
        value = _decoded(_from_base64(value[:_MAX_VALUE]), parameters)
        return Property(name=name, parameters="", value=value, is_coded=True, is_cut=is_cut)
    return Property(name=name, parameters=parameters, value=value[:_MAX_VALUE].strip(), is_cut=is_cut)


def _from_base64(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except ValueError:
        return b""


def _decoded(content: bytes, parameters: str) -> str:
    """In the charset that the line names; without one, in UTF-8 or else in what Western phones wrote."""
    named = _CHARSET.search(parameters)
    charset = named[1].lower() if named is not None else "utf-8"
    try:
        return content.decode(charset if charset in _CHARSETS else "utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value) if "\\" in value else value
