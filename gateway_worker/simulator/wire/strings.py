"""The strings of WhatsApp's binary XML: tokens, packed digits, JIDs and UTF-8; and its binary content.

Hot: a stanza has a dozen of them. Reading functions take the frame and a position and return the value and the position
after it; reading past the end raises IndexError, which `nodes.decode` translates.
"""

import re
from functools import lru_cache

from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.gen.tokens import DOUBLE, SINGLE

LIST_EMPTY = 0
DICTIONARY_0 = 236
LIST_8 = 248
LIST_16 = 249
_DICTIONARY_3 = 239
_INTEROP_JID = 245
_FB_JID = 246
_AD_JID = 247
_JID_PAIR = 250
_HEX_8 = 251
_BINARY_8 = 252
_BINARY_20 = 253
_BINARY_32 = 254
_NIBBLE_8 = 255
_JID_TAGS = frozenset((_INTEROP_JID, _FB_JID, _AD_JID, _JID_PAIR))

_PACKED_MAX = 127
_ODD = 0x80
_CACHED_MAX = 64
_CACHE_SIZE = 8192
"""JIDs and ids come again and again; long strings are not worth their memory."""

TOKENS: dict[str, bytes] = {token: bytes([index]) for index, token in enumerate(SINGLE) if token}
for _table, _tokens in enumerate(DOUBLE):
    TOKENS.update({token: bytes([DICTIONARY_0 + _table, index]) for index, token in enumerate(_tokens)})

_DOMAINS = {"s.whatsapp.net": 0, "lid": 1, "hosted": 128, "hosted.lid": 129}
_SERVERS = {number: server for server, number in _DOMAINS.items()}

_NIBBLES = re.compile(r"[0-9.\-]{1,127}\Z")
_HEX_DIGITS = re.compile(r"[0-9A-F]{1,127}\Z")
_DEVICE_JID = re.compile(r"([^@:]+):([1-9][0-9]{0,4})@([^@]+)\Z")
_INTEROP_USER = re.compile(r"([0-9]{1,5})-(.+)\Z", re.DOTALL)
_TO_NIBBLES = str.maketrans("-.", "ab")
_FROM_NIBBLES = str.maketrans("ab", "-.")
_NOT_NIBBLES = re.compile("[c-f]")


# --- writing


def write_string(text: str) -> bytes:
    """A string in its shortest form, the one Baileys writes too. `NodeError` if it is not text (lone surrogates)."""
    return TOKENS.get(text) or (_cached_long_string(text) if len(text) <= _CACHED_MAX else _long_string(text))


def write_binary(content: bytes) -> bytes:
    """Bytes with their length before them."""
    size = len(content)
    if size < 1 << 8:
        return bytes((_BINARY_8, size)) + content
    if size < 1 << 20:
        return bytes((_BINARY_20,)) + size.to_bytes(3) + content
    return bytes((_BINARY_32,)) + size.to_bytes(4) + content


def _long_string(text: str) -> bytes:
    """A string that is not a token."""
    if _NIBBLES.match(text):
        return _pack(_NIBBLE_8, text.translate(_TO_NIBBLES))
    if _HEX_DIGITS.match(text):
        return _pack(_HEX_8, text)
    if "@" in text and (jid := _write_device_jid(text) or _write_jid(text)):
        return jid
    try:
        return write_binary(text.encode())
    except UnicodeEncodeError as error:
        raise NodeError("a string is not text") from error


_cached_long_string = lru_cache(maxsize=_CACHE_SIZE)(_long_string)


def _pack(tag: int, digits: str) -> bytes:
    if len(digits) & 1:
        return bytes((tag, _ODD | (len(digits) + 1) >> 1)) + bytes.fromhex(digits + "f")
    return bytes((tag, len(digits) >> 1)) + bytes.fromhex(digits)


def _write_device_jid(text: str) -> bytes | None:
    """A JID with a device, if its server has a form for that which reads back as the same text."""
    match = _DEVICE_JID.match(text)
    if match is None:
        return None
    user, device, server = match[1], int(match[2]), match[3]
    if server in _DOMAINS and device < 1 << 8:
        return bytes((_AD_JID, _DOMAINS[server], device)) + write_string(user)
    if server == "msgr" and device < 1 << 16:
        return bytes((_FB_JID,)) + write_string(user) + device.to_bytes(2) + write_string(server)
    if server == "interop" and device < 1 << 16 and (parts := _INTEROP_USER.match(user)):
        integrator = int(parts[1])
        if str(integrator) == parts[1] and integrator < 1 << 16:
            numbers = device.to_bytes(2) + integrator.to_bytes(2)
            return bytes((_INTEROP_JID,)) + write_string(parts[2]) + numbers + write_string(server)
    return None


def _write_jid(text: str) -> bytes | None:
    user, _, server = text.partition("@")
    if not server or "@" in server:
        return None
    return bytes((_JID_PAIR,)) + (write_string(user) if user else b"\x00") + write_string(server)


# --- reading


def read_string(body: bytes, at: int) -> tuple[str, int]:
    """The string at `at`; `NodeError` if there is something else."""
    tag = body[at]
    if tag < DICTIONARY_0:
        return SINGLE[tag], at + 1
    if tag == _NIBBLE_8 or tag == _HEX_8:  # noqa: SIM109, PLR1714 - hot: nothing is built
        end = at + 2 + (body[at + 1] & _PACKED_MAX)
        return _unpack(_slice(body, at, end)), end
    if tag in _JID_TAGS:
        return _read_jid(body, at)
    if tag <= _DICTIONARY_3:
        return DOUBLE[tag - DICTIONARY_0][body[at + 1]], at + 2
    content, at = read_binary(body, at)
    return content.decode(), at


def read_binary(body: bytes, at: int) -> tuple[bytes, int]:
    """The bytes at `at`; `NodeError` if there is something else."""
    tag = body[at]
    if tag == _BINARY_8:
        start = at + 2
        end = start + body[at + 1]
    elif tag == _BINARY_20:
        start = at + 4
        end = start + (int.from_bytes(_slice(body, at + 1, start)) & 0xFFFFF)
    elif tag == _BINARY_32:
        start = at + 5
        end = start + int.from_bytes(_slice(body, at + 1, start))
    else:
        raise NodeError(f"neither a string nor bytes: {tag}")
    return _slice(body, start, end), end


def is_binary(tag: int) -> bool:
    """Whether a tag announces bytes with a length."""
    return _BINARY_8 <= tag <= _BINARY_32


def _slice(body: bytes, start: int, end: int) -> bytes:
    if end > len(body):
        raise IndexError
    return body[start:end]


@lru_cache(maxsize=_CACHE_SIZE)
def _unpack(packed: bytes) -> str:
    """The digits of a packed string: its tag, its size, two digits in each further byte."""
    digits = packed[2:].hex()
    if packed[1] & _ODD:
        digits = digits[:-1]
    if packed[0] == _HEX_8:
        return digits.upper()
    if _NOT_NIBBLES.search(digits):
        raise NodeError("not a nibble")
    return digits.translate(_FROM_NIBBLES)


def _read_jid(body: bytes, at: int) -> tuple[str, int]:
    tag = body[at]
    if tag == _AD_JID:
        domain, device = _slice(body, at + 1, at + 3)
        server = _SERVERS.get(domain)
        if server is None:
            raise NodeError(f"unknown JID domain {domain}")
        user, at = _read_part(body, at + 3)
        return (f"{user}:{device}@{server}" if device else f"{user}@{server}"), at
    user, at = _read_part(body, at + 1)
    if tag == _JID_PAIR:
        server, at = _read_part(body, at)
        if not server:
            raise NodeError("a JID without a server")
        return f"{user}@{server}", at
    device = int.from_bytes(_slice(body, at, at + 2))
    if tag == _FB_JID:
        server, at = _read_part(body, at + 2)
        return f"{user}:{device}@{server}", at
    integrator = int.from_bytes(_slice(body, at + 2, at + 4))
    server, at = _read_part(body, at + 4)
    return f"{integrator}-{user}:{device}@{server}", at


def _read_part(body: bytes, at: int) -> tuple[str, int]:
    if body[at] in _JID_TAGS:  # never written, and nesting would be unbounded
        raise NodeError("a JID inside a JID")
    return read_string(body, at)
