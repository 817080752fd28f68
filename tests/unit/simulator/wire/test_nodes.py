import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.gen.tokens import DOUBLE, SINGLE
from gateway_worker.simulator.wire.nodes import MAX_DEPTH, Node, decode, encode
from tests.support.whatsapp.baileys_peer import Peer

TOKENS = [token for table in (SINGLE, *DOUBLE) for token in table if token]
users = st.text("0123456789", min_size=1, max_size=15)
servers = st.sampled_from(["s.whatsapp.net", "lid", "hosted", "hosted.lid", "g.us", "broadcast", "newsletter", "bot"])
jids = st.one_of(
    st.builds("{}@{}".format, users, servers),
    st.builds("{}:{}@{}".format, users, st.integers(1, 255), servers),
    st.builds("{}:{}@msgr".format, users, st.integers(1, 65535)),
    st.builds("{}-{}:{}@interop".format, st.integers(0, 65535), users, st.integers(1, 65535)),
    st.just("@s.whatsapp.net"),
)
strings = st.one_of(
    st.sampled_from(TOKENS),
    st.text(max_size=40),
    st.text("0123456789.-", min_size=1, max_size=130),
    st.text("0123456789ABCDEF", min_size=1, max_size=130),
    st.text("abcdefghijklmnopqrstuvwxyz:@.-0123456789", min_size=1, max_size=20),
    jids,
    st.just("x" * 300),
)
tags = strings.filter(bool)
contents = st.one_of(st.none(), st.binary(max_size=40), st.just(b"\0" * 300))
nodes = st.recursive(
    st.builds(Node, tags, st.dictionaries(strings, strings, max_size=4), contents),
    lambda children: st.builds(
        Node, tags, st.dictionaries(strings, strings, max_size=4), st.lists(children, max_size=5)
    ),
    max_leaves=12,
)


def as_json(node: Node) -> dict[str, Any]:
    match node.content:
        case None:
            content = None
        case bytes():
            content = node.content.hex()
        case children:
            content = [as_json(child) for child in children]
    return {"tag": node.tag, "attrs": node.attrs, "content": content}


@given(nodes, st.booleans())
def test_what_is_written_reads_back(node: Node, compressed: bool) -> None:  # noqa: FBT001 - hypothesis fills it
    assert decode(encode(node, compressed=compressed)) == node


@given(st.binary(max_size=200))
def test_any_bytes_are_a_node_or_a_node_error(noise: bytes) -> None:
    for flags in (b"\0", b"\2"):
        try:
            node = decode(flags + noise)
        except NodeError:
            continue
        assert isinstance(node, Node)


EXAMPLE = Node(
    "message",
    {
        "id": "3EB0C0FFEE",
        "to": "4917012345678@s.whatsapp.net",
        "participant": "1234567:12@lid",
        "t": "1700000000",
        "version": "2.3000",
        "odd": "123",
        "oddhex": "ABC",
        "empty": "",
        "notify": "Zoë 🦆",
        "server": "@s.whatsapp.net",
        "group": "120363000-1@g.us",
    },
    [
        Node("enc", {"v": "2", "type": "pkmsg"}, bytes(range(256)) * 3),
        Node("active"),
        Node("list", {}, []),
        Node("big", {}, b"\xff" * (1 << 20)),
    ],
)


def test_baileys_reads_what_we_write(peer: Peer) -> None:
    assert peer("decode", frame=encode(EXAMPLE)) == as_json(EXAMPLE)
    assert peer("decode", frame=encode(EXAMPLE, compressed=True)) == as_json(EXAMPLE)


def test_we_read_what_baileys_writes(peer: Peer) -> None:
    assert decode(bytes.fromhex(peer("encode", node=as_json(EXAMPLE)))) == EXAMPLE


def test_both_codecs_write_the_same_bytes(peer: Peer) -> None:
    assert encode(EXAMPLE).hex() == peer("encode", node=as_json(EXAMPLE))


@pytest.mark.parametrize("table", range(5))
def test_every_token_is_the_same_for_baileys(peer: Peer, table: int) -> None:
    node = Node("list", {}, [Node(token) for token in (SINGLE, *DOUBLE)[table] if token])
    assert encode(node).hex() == peer("encode", node=as_json(node))
    assert all(len(encode(child)) <= 5 for child in node.children())


def test_device_zero_is_not_written() -> None:
    assert decode(b"\0\xf8\x03\x13\x11\xf7\x00\x00\xff\x02\x12\x34").attrs == {"to": "1234@s.whatsapp.net"}


def test_text_content_arrives_as_bytes() -> None:
    token = b"\0\xf8\x02\x13\x0a"  # <message>disappearing_mode</message>, the text as a token
    assert decode(token).content == b"disappearing_mode"


def deep(depth: int) -> Node:
    node = Node("a")
    for _ in range(depth):
        node = Node("a", {}, [node])
    return node


def test_deep_nesting_is_refused_both_ways() -> None:
    assert decode(encode(deep(MAX_DEPTH))) == deep(MAX_DEPTH)
    with pytest.raises(NodeError):
        encode(deep(MAX_DEPTH + 1))
    with pytest.raises(NodeError):
        decode(b"\0" + b"\xf8\x02\x13\xf8\x01" * 5000 + b"\xf8\x01\x13")


def test_a_compressed_bomb_is_refused() -> None:
    bomb = b"\2" + zlib.compress(encode(Node("a", {}, b"\0" * 1_000_000))[1:])
    assert len(decode(bomb).data) == 1_000_000
    with pytest.raises(NodeError):
        decode(bomb, max_inflated=999_999)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0",
        b"\1\xf8\x01\x13",  # unknown flag
        b"\0\xf8\x01",  # no tag
        b"\0\x00",  # an empty list
        b"\0\xf8\x01\x00",  # an empty tag
        b"\0\xf8\x01\x13\x13",  # a tail
        b"\0\xf8\x02\x13\xfc\x05ab",  # content cut
        b"\0\xf8\x03\x13\x11\xfa\x03\x00",  # a JID without a server
        b"\0\xf8\x03\x13\x11\xf7\x07\x01\xff\x01\x12",  # a JID of an unknown domain
        b"\0\xf8\x03\x13\x11" + b"\xfa" * 5000,  # JIDs in JIDs
        b"\0\xf8\x03\x13\x11\xff\x01\xcd",  # not nibbles
        b"\0\xf8\x03\x13\x11\xfc\x01\xff",  # not UTF-8
        b"\0\xf8\x03\x13\x11\xf1",  # not a string
        b"\0\xf8\x02\x13\xf9\xff\xff\xf8\x01\x13",  # fewer children than said
        b"\2not zlib",
        b"\2" + zlib.compress(b"\xf8\x01\x13") + b"tail",
        b"\2" + zlib.compress(b"\xf8\x01\x13")[:-1],
    ],
)
def test_broken_frames_are_refused(frame: bytes) -> None:
    with pytest.raises(NodeError):
        decode(frame)


def test_a_node_without_what_is_needed_says_so() -> None:
    node = Node("iq", {"id": "1"}, [Node("ping"), Node("text", {}, b"\xff")])
    assert node.need("ping") is node.child("ping")
    assert node.attr("id") == "1"
    assert node.children("nothing") == []
    assert node.need("ping").children() == []
    for ask in (
        lambda: node.need("pong"),
        lambda: node.attr("to"),
        lambda: node.data,
        lambda: node.need("text").text,
    ):
        with pytest.raises(NodeError):
            ask()


def test_xml_shows_the_structure_but_no_content() -> None:
    shown = Node("message", {"id": "1"}, [Node("body", {}, b"secret"), Node("x")]).xml()
    assert shown == "<message id='1'>\n  <body>[6 bytes]</body>\n  <x/>\n</message>"
