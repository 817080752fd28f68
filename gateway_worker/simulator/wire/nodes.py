"""WhatsApp's binary XML (dictionary version 3): `Node`, `encode`, `decode`. Hot: runs for every stanza.

A frame is a flag byte (0, or 2 = the rest is zlib) and one node. A node is a list of tag, attribute names and values,
and content: bytes or a list of nodes (see `strings` for the rest). Facts from Baileys' and whatsmeow's codecs.
"""

import zlib
from dataclasses import dataclass, field

from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.gen.tokens import SINGLE
from gateway_worker.simulator.wire.strings import (
    DICTIONARY_0,
    LIST_8,
    LIST_16,
    LIST_EMPTY,
    TOKENS,
    is_binary,
    read_binary,
    read_string,
    write_binary,
    write_string,
)

MAX_INFLATED = 8 << 20
"""Default bound of a decompressed frame, in bytes."""
MAX_DEPTH = 24
"""Deepest nesting of nodes that is read or written; real stanzas stay below 8."""

_FLAG_ZLIB = 2


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
    try:
        node, end = _read_node(body, 0 if flags else 1, 0)
    except IndexError:
        raise NodeError("the frame ends early") from None
    except UnicodeDecodeError as error:
        raise NodeError("a string is not UTF-8") from error
    if end != len(body):
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


def _list_head(size: int) -> bytes:
    if size == 0:
        return bytes((LIST_EMPTY,))
    if size < 1 << 8:
        return bytes((LIST_8, size))
    if size < 1 << 16:
        return bytes((LIST_16, size >> 8, size & 0xFF))
    raise NodeError("more entries than a list can have")


def _write_node(out: bytearray, node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NodeError("nested too deep")
    if not node.tag:
        raise NodeError("a node without a tag")
    attrs = node.attrs
    content = node.content
    tokens = TOKENS
    out += _list_head(1 + 2 * len(attrs) + (content is not None))
    out += tokens.get(node.tag) or write_string(node.tag)
    for name, value in attrs.items():
        out += tokens.get(name) or write_string(name)
        out += tokens.get(value) or write_string(value)
    if content is None:
        return
    if isinstance(content, list):
        out += _list_head(len(content))
        for child in content:
            _write_node(out, child, depth + 1)
    else:
        out += write_binary(content)


def _read_list_size(body: bytes, at: int) -> tuple[int, int]:
    tag = body[at]
    if tag == LIST_8:
        return body[at + 1], at + 2
    if tag == LIST_EMPTY:
        return 0, at + 1
    if tag == LIST_16:
        return body[at + 1] << 8 | body[at + 2], at + 3
    raise NodeError(f"not a list: {tag}")


def _read_node(body: bytes, at: int, depth: int) -> tuple[Node, int]:
    if depth > MAX_DEPTH:
        raise NodeError("nested too deep")
    size, at = _read_list_size(body, at)
    if not size:
        raise NodeError("an empty list is no node")
    tag, at = read_string(body, at)
    if not tag:
        raise NodeError("a node without a tag")
    attrs: dict[str, str] = {}
    for _ in range((size - 1) >> 1):
        byte = body[at]  # most names and many values are one-byte tokens: no call for those
        if byte < DICTIONARY_0:
            name, at = SINGLE[byte], at + 1
        else:
            name, at = read_string(body, at)
        byte = body[at]
        if byte < DICTIONARY_0:
            attrs[name], at = SINGLE[byte], at + 1
        else:
            attrs[name], at = read_string(body, at)
    if size & 1:
        return Node(tag, attrs), at
    content, at = _read_content(body, at, depth)
    return Node(tag, attrs, content), at


def _read_content(body: bytes, at: int, depth: int) -> tuple[bytes | list[Node], int]:
    tag = body[at]
    if is_binary(tag):
        return read_binary(body, at)
    if tag != LIST_8 and tag != LIST_16 and tag != LIST_EMPTY:  # noqa: PLR1714 - hot: nothing is built
        text, at = read_string(body, at)
        return text.encode(), at
    size, at = _read_list_size(body, at)
    nodes: list[Node] = []
    for _ in range(size):
        node, at = _read_node(body, at, depth + 1)
        nodes.append(node)
    return nodes, at
