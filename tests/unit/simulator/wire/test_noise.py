import pytest

from gateway_worker.simulator.wire.certificates import CertificateAuthority, check_chain
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import CertificateError, FrameError, HandshakeError, TransportError
from gateway_worker.simulator.wire.frames import HEADER, FrameBuffer, frame, intro
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import CertChain, HandshakeMessage
from gateway_worker.simulator.wire.nodes import Node, decode, encode
from gateway_worker.simulator.wire.noise import ClientHandshake, Established, Pattern, ServerHandshake
from tests.support.whatsapp.baileys_peer import Peer, PeerError

NOW = 1_800_000_000
AUTHORITY = CertificateAuthority(KeyPair.generate())
STATIC = KeyPair.generate()
CHAIN = AUTHORITY.issue(STATIC.public, now=NOW)
CLIENT = KeyPair.generate()


def client(server_static: bytes | None = None, *, root: bytes = AUTHORITY.root_public) -> ClientHandshake:
    return ClientHandshake(CLIENT, payload=b"who I am", root_public=root, now=NOW, server_static=server_static)


def run(connecting: ClientHandshake, serving: ServerHandshake) -> tuple[Established, Established]:
    """Both ends' results: (the client's, the server's)."""
    answer = serving.receive(connecting.hello())
    assert answer.reply is not None
    end = connecting.receive(answer.reply)
    assert end.established is not None
    if answer.established is not None:
        assert end.reply is None
        return end.established, answer.established
    assert end.reply is not None
    finished = serving.receive(end.reply).established
    assert finished is not None
    return end.established, finished


@pytest.mark.parametrize(
    ("known", "pattern"),
    [(None, "XX"), (STATIC.public, "IK"), (KeyPair.generate().public, "XXfallback")],
    ids=["first", "known", "changed"],
)
def test_both_sides_agree(known: bytes | None, pattern: Pattern) -> None:
    ours, theirs = run(client(known), ServerHandshake(STATIC, CHAIN))
    assert (ours.pattern, theirs.pattern) == (pattern, pattern)
    assert (ours.peer_static, theirs.peer_static) == (STATIC.public, CLIENT.public)
    assert theirs.payload == b"who I am"
    for number in range(3):
        assert theirs.transport.decrypt(ours.transport.encrypt(b"up %d" % number)) == b"up %d" % number
        assert ours.transport.decrypt(theirs.transport.encrypt(b"down %d" % number)) == b"down %d" % number


def test_the_real_baileys_connects_and_exchanges_nodes(peer: Peer) -> None:
    buffer = FrameBuffer(expect_intro=True)
    server = ServerHandshake(STATIC, CHAIN)
    (hello,) = buffer.feed(bytes.fromhex(peer("noiseHello", root=AUTHORITY.root_public)))
    assert buffer.routing_info == bytes.fromhex("080c")
    answer = server.receive(hello).reply
    finish = peer("noiseFinish", serverHello=answer, payload=b"who I am")
    established = server.receive(buffer.feed(bytes.fromhex(finish["frame"]))[0]).established
    assert established is not None
    assert established.payload == b"who I am"
    assert established.peer_static.hex() == finish["static"]
    sent = {"tag": "iq", "attrs": {"id": "7"}, "content": None}
    (content,) = buffer.feed(bytes.fromhex(peer("noiseSend", node=sent)))
    assert decode(established.transport.decrypt(content)) == Node("iq", {"id": "7"})
    frames = [frame(established.transport.encrypt(encode(Node("ib", {"n": str(number)})))) for number in range(2)]
    received = peer("noiseReceive", data=b"".join(frames))
    assert [node["attrs"] for node in received] == [{"n": "0"}, {"n": "1"}]


def test_the_real_baileys_refuses_another_root(peer: Peer) -> None:
    (hello,) = FrameBuffer(expect_intro=True).feed(bytes.fromhex(peer("noiseHello", root=KeyPair.generate().public)))
    answer = ServerHandshake(STATIC, CHAIN).receive(hello).reply
    with pytest.raises(PeerError, match="intermediate certificate signature invalid"):
        peer("noiseFinish", serverHello=answer, payload=b"who I am")


def test_a_client_refuses_another_root() -> None:
    with pytest.raises(CertificateError):
        run(client(root=KeyPair.generate().public), ServerHandshake(STATIC, CHAIN))


def test_an_altered_finish_is_refused() -> None:
    connecting, serving = client(), ServerHandshake(STATIC, CHAIN)
    hello = serving.receive(connecting.hello()).reply
    assert hello is not None
    reply = connecting.receive(hello).reply
    assert reply is not None
    message = HandshakeMessage.FromString(reply)
    payload = message.clientFinish.payload
    message.clientFinish.payload = payload[:-1] + bytes([payload[-1] ^ 1])
    with pytest.raises(HandshakeError):
        serving.receive(message.SerializeToString())


@pytest.mark.parametrize(
    "hello",
    [
        b"\xff",
        b"",
        HandshakeMessage(clientHello=HandshakeMessage.ClientHello(ephemeral=b"short")).SerializeToString(),
        HandshakeMessage(clientHello=HandshakeMessage.ClientHello(ephemeral=bytes(32))).SerializeToString(),
    ],
)
def test_a_wrong_hello_is_refused(hello: bytes) -> None:
    with pytest.raises(HandshakeError):
        ServerHandshake(STATIC, CHAIN).receive(hello)


def test_a_handshake_ends_once() -> None:
    connecting, serving = client(STATIC.public), ServerHandshake(STATIC, CHAIN)
    run(connecting, serving)
    with pytest.raises(HandshakeError):
        serving.receive(b"")


def test_a_repeated_or_altered_frame_is_refused() -> None:
    ours, theirs = run(client(), ServerHandshake(STATIC, CHAIN))
    first = ours.transport.encrypt(b"once")
    assert theirs.transport.decrypt(first) == b"once"
    with pytest.raises(TransportError):
        theirs.transport.decrypt(first)
    with pytest.raises(TransportError):
        ours.transport.decrypt(b"\0" * 40)


# --- certificates


def spoilt(change: str) -> bytes:
    chain = CertChain.FromString(CHAIN)
    match change:
        case "intermediate signature":
            chain.intermediate.signature = bytes(64)
        case "leaf signature":
            chain.leaf.signature = chain.intermediate.signature
        case "leaf details":
            chain.leaf.details += b"\x20\x01"
        case "no chain":
            return b"\xff"
        case _:
            chain.Clear()
    return chain.SerializeToString()


@pytest.mark.parametrize("change", ["intermediate signature", "leaf signature", "leaf details", "no chain", "empty"])
def test_a_spoilt_chain_is_refused(change: str) -> None:
    check_chain(CHAIN, root_public=AUTHORITY.root_public, static_public=STATIC.public, now=NOW)
    with pytest.raises(CertificateError):
        check_chain(spoilt(change), root_public=AUTHORITY.root_public, static_public=STATIC.public, now=NOW)


def test_a_chain_for_another_key_or_another_time_is_refused() -> None:
    root = AUTHORITY.root_public
    with pytest.raises(CertificateError):
        check_chain(CHAIN, root_public=root, static_public=CLIENT.public, now=NOW)
    for then in (NOW - 10**7, NOW + 10**8):
        with pytest.raises(CertificateError):
            check_chain(CHAIN, root_public=root, static_public=STATIC.public, now=then)


# --- frames

FRAMES = [b"one", b"", b"x" * 70_000]


@pytest.mark.parametrize("routing", [b"", b"\x08\x0c\x08\x05"])
@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 1000, 10**6])
def test_frames_survive_any_cut(routing: bytes, step: int) -> None:
    stream = intro(routing) + b"".join(frame(content) for content in FRAMES)
    buffer = FrameBuffer(expect_intro=True)
    received: list[bytes] = []
    for start in range(0, len(stream), step):
        received += buffer.feed(stream[start : start + step])
    assert received == FRAMES
    assert (buffer.routing_info or b"") == routing


def test_without_an_intro_the_first_byte_is_a_length() -> None:
    assert FrameBuffer(expect_intro=False).feed(frame(b"hello")) == [b"hello"]


@pytest.mark.parametrize("start", [b"GET ", b"WA\x06\x02", b"ED\x00\x02", b"EX", b"ED\x00\x01\xff\x00\x00", b"W" * 9])
def test_another_intro_is_refused(start: bytes) -> None:
    with pytest.raises(FrameError):
        FrameBuffer(expect_intro=True).feed(start)


def test_a_long_frame_is_refused_before_it_is_collected() -> None:
    for expect_intro, start in ((True, HEADER), (False, b"")):
        buffer = FrameBuffer(expect_intro=expect_intro, max_frame=100)
        assert buffer.feed(start + frame(b"y" * 100)) == [b"y" * 100]
        with pytest.raises(FrameError):
            buffer.feed((101).to_bytes(3, "big"))


def test_what_fits_no_frame_is_refused() -> None:
    with pytest.raises(FrameError):
        frame(bytes(1 << 24))
