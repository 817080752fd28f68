"""WhatsApp's binary XML (dictionary version 3): `Node`, `encode`, `decode`. Hot: runs for every stanza.

A frame is a flag byte (0, or 2 = the rest is zlib) and one node. A node is a list of tag, attribute names and values,
and content. Strings are tokens, packed digits, JIDs or UTF-8. Facts from Baileys' and whatsmeow's codecs.
"""

import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache

from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.gen.tokens import DOUBLE, SINGLE

MAX_INFLATED = 8 << 20
"""Default bound of a decompressed frame, in bytes."""
MAX_DEPTH = 24
"""Deepest nesting of nodes that is read or written; real stanzas stay below 8."""

_LIST_EMPTY = 0
_DICTIONARY_0 = 236
_DICTIONARY_3 = 239
_INTEROP_JID = 245
_FB_JID = 246
_AD_JID = 247
_LIST_8 = 248
_LIST_16 = 249
_JID_PAIR = 250
_HEX_8 = 251
_BINARY_8 = 252
_BINARY_20 = 253
_BINARY_32 = 254
_NIBBLE_8 = 255

_JID_TAGS = frozenset((_INTEROP_JID, _FB_JID, _AD_JID, _JID_PAIR))
_PACKED_MAX = 127
_ODD = 0x80
_FLAG_ZLIB = 2

_TOKENS: dict[str, bytes] = {token: bytes([index]) for index, token in enumerate(SINGLE) if token}
for _table, _tokens in enumerate(DOUBLE):
    _TOKENS.update({token: bytes([_DICTIONARY_0 + _table, index]) for index, token in enumerate(_tokens)})

_DOMAINS = {"s.whatsapp.net": 0, "lid": 1, "hosted": 128, "hosted.lid": 129}
_SERVERS = {number: server for server, number in _DOMAINS.items()}

_NIBBLES = re.compile(r"[0-9.\-]{1,127}\Z")
_HEX_DIGITS = re.compile(r"[0-9A-F]{1,127}\Z")
_DEVICE_JID = re.compile(r"([^@:]+):([1-9][0-9]{0,4})@([^@]+)\Z")
_INTEROP_USER = re.compile(r"([0-9]{1,5})-(.+)\Z", re.DOTALL)
_TO_NIBBLES = str.maketrans("-.", "ab")
_FROM_NIBBLES = str.maketrans("ab", "-.")
_NOT_NIBBLES = re.compile("[c-f]")


@dataclass(slots=True)
class Node:
    """One element: content is bytes, children, or nothing. Treat it as frozen once it was handed on."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict[str, str])
    content: "bytes | list[Node] | None" = None

    def child(self, tag: str) -> "Node | None":
        """The first child with this tag."""
        if isinstance(self.content, list):
            for node in self.content:
                if node.tag == tag:
                    return node
        return None

    def children(self, tag: str | None = None) -> "list[Node]":
        """The children with this tag, or all."""
        if not isinstance(self.content, list):
            return []
        return [node for node in self.content if tag is None or node.tag == tag]

    def need(self, tag: str) -> "Node":
        """The first child with this tag; `NodeError` without one."""
        node = self.child(tag)
        if node is None:
            raise NodeError(f"<{self.tag}> without <{tag}>")
        return node

    def attr(self, name: str) -> str:
        """The value of an attribute; `NodeError` without it."""
        try:
            return self.attrs[name]
        except KeyError:
            raise NodeError(f"<{self.tag}> without {name}") from None

    @property
    def data(self) -> bytes:
        """The content as bytes; `NodeError` if there are none."""
        if isinstance(self.content, bytes):
            return self.content
        raise NodeError(f"<{self.tag}> without bytes")

    @property
    def text(self) -> str:
        """The content as text; `NodeError` if it is not UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise NodeError(f"<{self.tag}> is not text") from error

    def xml(self, indent: int = 0) -> str:
        """A readable picture for debugging; contents are shown by their size."""
        space = "  " * indent
        start = space + "<" + self.tag + "".join(f" {name}={value!r}" for name, value in self.attrs.items())
        match self.content:
            case None:
                return start + "/>"
            case bytes() as content:
                return f"{start}>[{len(content)} bytes]</{self.tag}>"
            case children:
                inner = "".join(node.xml(indent + 1) + "\n" for node in children)
                return f"{start}>\n{inner}{space}</{self.tag}>"


def encode(node: Node, *, compressed: bool = False) -> bytes:
    """One frame. `NodeError` if the node cannot be expressed (too many children, too deep, no tag)."""
    out = bytearray()
    _write_node(out, node, 0)
    return b"\x02" + zlib.compress(out) if compressed else b"\x00" + bytes(out)


def decode(frame: bytes, *, max_inflated: int = MAX_INFLATED) -> Node:
    """The node of one frame; `NodeError` for anything else, with nothing left over. Text content arrives as bytes."""
    if not frame:
        raise NodeError("empty frame")
    flags = frame[0]
    if flags & ~_FLAG_ZLIB:
        raise NodeError(f"unknown flags {flags:#x}")
    body = _inflate(frame[1:], max_inflated) if flags else frame
    reader = _Reader(body, 0 if flags else 1)
    try:
        node = reader.node(0)
    except IndexError:
        raise NodeError("the frame ends early") from None
    except UnicodeDecodeError as error:
        raise NodeError("a string is not UTF-8") from error
    if reader.at != len(body):
        raise NodeError("bytes after the node")
    return node


def _inflate(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(body, limit)
    except zlib.error as error:
        raise NodeError("not zlib") from error
    if not stream.eof or stream.unused_data:
        raise NodeError("the compressed frame is cut, too long or has a tail")
    return inflated


# --- writing


def _write_list(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(_LIST_EMPTY)
    elif size < 1 << 8:
        out += bytes((_LIST_8, size))
    elif size < 1 << 16:
        out += bytes((_LIST_16, size >> 8, size & 0xFF))
    else:
        raise NodeError("more entries than a list can have")


def _write_binary(out: bytearray, content: bytes) -> None:
    size = len(content)
    if size < 1 << 8:
        out += bytes((_BINARY_8, size))
    elif size < 1 << 20:
        out.append(_BINARY_20)
        out += size.to_bytes(3, "big")
    else:
        out.append(_BINARY_32)
        out += size.to_bytes(4, "big")
    out += content


def _write_node(out: bytearray, node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NodeError("nested too deep")
    if not node.tag:
        raise NodeError("a node without a tag")
    attrs = node.attrs
    content = node.content
    _write_list(out, 1 + 2 * len(attrs) + (content is not None))
    tokens = _TOKENS
    out += tokens.get(node.tag) or _string(node.tag)
    for name, value in attrs.items():
        out += tokens.get(name) or _string(name)
        out += tokens.get(value) or (_cached_string(value) if len(value) <= _CACHED_MAX else _string(value))
    if content is None:
        return
    if isinstance(content, list):
        _write_list(out, len(content))
        for child in content:
            _write_node(out, child, depth + 1)
    else:
        _write_binary(out, content)


def _string(text: str) -> bytes:
    """A string that is not a token."""
    if _NIBBLES.match(text):
        return _packed(_NIBBLE_8, text.translate(_TO_NIBBLES))
    if _HEX_DIGITS.match(text):
        return _packed(_HEX_8, text)
    if "@" in text and (jid := _jid(text)):
        return jid
    out = bytearray()
    try:
        _write_binary(out, text.encode())
    except UnicodeEncodeError as error:
        raise NodeError("a string is not text") from error
    return bytes(out)


def _packed(tag: int, digits: str) -> bytes:
    if len(digits) & 1:
        return bytes((tag, _ODD | (len(digits) + 1) >> 1)) + bytes.fromhex(digits + "f")
    return bytes((tag, len(digits) >> 1)) + bytes.fromhex(digits)


def _jid(text: str) -> bytes | None:
    """The JID forms, but only for a text that reads back as itself."""
    if match := _DEVICE_JID.match(text):
        user, device, server = match[1], int(match[2]), match[3]
        if server in _DOMAINS and device < 1 << 8:
            return bytes((_AD_JID, _DOMAINS[server], device)) + _user(user)
        if server == "msgr" and device < 1 << 16:
            return bytes((_FB_JID,)) + _user(user) + device.to_bytes(2, "big") + _user(server)
        if server == "interop" and device < 1 << 16 and (parts := _INTEROP_USER.match(user)):
            integrator = int(parts[1])
            if str(integrator) == parts[1] and integrator < 1 << 16:
                numbers = device.to_bytes(2, "big") + integrator.to_bytes(2, "big")
                return bytes((_INTEROP_JID,)) + _user(parts[2]) + numbers + _user(server)
    user, _, server = text.partition("@")
    if not server or "@" in server:
        return None
    return bytes((_JID_PAIR,)) + (_user(user) if user else b"\x00") + _user(server)


def _user(text: str) -> bytes:
    return _TOKENS.get(text) or _string(text)


# JIDs and ids come again and again; long strings are not worth their memory.
_CACHED_MAX = 64
_cached_string = lru_cache(maxsize=4096)(_string)


# --- reading


class _Reader:
    """A cursor over one frame. Reading past the end raises IndexError, which `decode` translates."""

    __slots__ = ("at", "body")

    def __init__(self, body: bytes, at: int) -> None:
        self.body = body
        self.at = at

    def byte(self) -> int:
        value = self.body[self.at]
        self.at += 1
        return value

    def take(self, size: int) -> bytes:
        at = self.at
        end = self.at = at + size
        if end > len(self.body):
            raise IndexError
        return self.body[at:end]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def list_size(self, tag: int) -> int:
        if tag == _LIST_8:
            return self.byte()
        if tag == _LIST_EMPTY:
            return 0
        if tag == _LIST_16:
            return self.number(2)
        raise NodeError(f"not a list: {tag}")

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NodeError("nested too deep")
        size = self.list_size(self.byte())
        if not size:
            raise NodeError("an empty list is no node")
        tag = self.string()
        if not tag:
            raise NodeError("a node without a tag")
        string = self.string
        attrs = {string(): string() for _ in range((size - 1) >> 1)}
        return Node(tag, attrs, None if size & 1 else self.content(depth))

    def content(self, depth: int) -> bytes | list[Node]:
        tag = self.byte()
        if tag == _LIST_8 or tag == _LIST_16 or tag == _LIST_EMPTY:  # noqa: SIM109, PLR1714 - hot: nothing is built
            return [self.node(depth + 1) for _ in range(self.list_size(tag))]
        size = self.binary_size(tag)
        return self.long_string(tag).encode() if size is None else self.take(size)

    def binary_size(self, tag: int) -> int | None:
        if tag == _BINARY_8:
            return self.byte()
        if tag == _BINARY_20:
            return self.number(3) & 0xFFFFF
        if tag == _BINARY_32:
            return self.number(4)
        return None

    def string(self) -> str:
        tag = self.body[self.at]
        self.at += 1
        if 0 < tag < _DICTIONARY_0:
            return SINGLE[tag]
        return self.long_string(tag)

    def long_string(self, tag: int) -> str:
        """A string that is not one byte."""
        if tag == _NIBBLE_8 or tag == _HEX_8:  # noqa: SIM109, PLR1714 - hot: nothing is built
            return self.packed(tag)
        size = self.binary_size(tag)
        if size is not None:
            return self.take(size).decode()
        if tag in _JID_TAGS:
            return self.jid(tag)
        if tag == _LIST_EMPTY:
            return ""
        if _DICTIONARY_0 <= tag <= _DICTIONARY_3:
            return DOUBLE[tag - _DICTIONARY_0][self.byte()]
        if tag < _DICTIONARY_0:
            return SINGLE[tag]
        raise NodeError(f"not a string: {tag}")

    def packed(self, tag: int) -> str:
        size = self.byte()
        digits = self.take(size & _PACKED_MAX).hex()
        if size & _ODD:
            digits = digits[:-1]
        if digits.isdecimal():  # most are timestamps and numbers
            return digits
        if tag == _HEX_8:
            return digits.upper()
        if _NOT_NIBBLES.search(digits):
            raise NodeError("not a nibble")
        return digits.translate(_FROM_NIBBLES)

    def jid(self, tag: int) -> str:
        part = self.jid_part
        if tag == _JID_PAIR:
            user, server = part(), part()
            if not server:
                raise NodeError("a JID without a server")
            return f"{user}@{server}"
        if tag == _AD_JID:
            domain, device = self.take(2)
            server = _SERVERS.get(domain)
            if server is None:
                raise NodeError(f"unknown JID domain {domain}")
            return f"{part()}:{device}@{server}" if device else f"{part()}@{server}"
        if tag == _FB_JID:
            user, device = part(), self.number(2)
            return f"{user}:{device}@{part()}"
        user, device, integrator = part(), self.number(2), self.number(2)
        return f"{integrator}-{user}:{device}@{part()}"

    def jid_part(self) -> str:
        if self.body[self.at] in _JID_TAGS:  # never written, and nesting would be unbounded
            raise NodeError("a JID inside a JID")
        return self.string()
