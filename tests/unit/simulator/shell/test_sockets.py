"""Bytes of one connection: handshake, batching, and its bounds."""

import asyncio

import pytest

from gateway_worker.simulator.shell.sockets import MAX_UNSENT, Opened, Socket
from gateway_worker.simulator.wire.certificates import CertificateAuthority
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import FrameError, TransportError
from gateway_worker.simulator.wire.frames import FrameBuffer, frame, intro
from gateway_worker.simulator.wire.nodes import Node, decode, encode
from gateway_worker.simulator.wire.noise import ClientHandshake, ServerHandshake, Transport

NOW = 1_800_000_000
ROOT, STATIC, CLIENT = (KeyPair.generate() for _ in range(3))
CHAIN = CertificateAuthority(ROOT).issue(STATIC.public, now=NOW)


def server() -> Socket:
    return Socket(ServerHandshake(STATIC, CHAIN))


def client(*, resume: bool = False) -> ClientHandshake:
    known = STATIC.public if resume else None
    return ClientHandshake(CLIENT, payload=b"who I am", root_public=ROOT.public, now=NOW, server_static=known)


async def message(socket: Socket) -> bytes:
    """What the socket's writer would send now."""
    async with asyncio.timeout(1):
        sent = await socket.next_message()
    assert sent is not None
    return sent


async def established() -> tuple[Socket, Transport, FrameBuffer]:
    """A socket after XX, and the client's end."""
    socket, handshake, frames = server(), client(), FrameBuffer(expect_intro=False)
    assert socket.feed(intro() + frame(handshake.hello())) == []
    (hello,) = frames.feed(await message(socket))
    step = handshake.receive(hello)
    assert step.reply is not None
    assert step.established is not None
    (opened,) = socket.feed(frame(step.reply))
    assert opened == Opened(noise_static=CLIENT.public, payload=b"who I am")
    return socket, step.established.transport, frames


async def test_what_is_sent_in_one_tick_leaves_as_one_message() -> None:
    socket, transport, frames = await established()
    stanzas = [Node("ib", {"n": str(number)}) for number in range(5)]
    assert all(socket.send(stanza) for stanza in stanzas)
    assert [decode(transport.decrypt(content)) for content in frames.feed(await message(socket))] == stanzas


async def test_bytes_may_come_one_by_one() -> None:
    socket, transport, _ = await established()
    data = frame(transport.encrypt(encode(Node("presence", {"type": "available"}))))
    events = [event for byte in data for event in socket.feed(bytes([byte]))]
    assert events == [Node("presence", {"type": "available"})]


async def test_the_answer_to_an_ik_hello_leaves_in_a_message_of_its_own() -> None:
    socket, handshake = server(), client(resume=True)
    (opened,) = socket.feed(intro(b"\x08\x0c") + frame(handshake.hello()))
    assert isinstance(opened, Opened)
    socket.send(Node("success"))
    frames = FrameBuffer(expect_intro=False)
    (hello,) = frames.feed(await message(socket))
    step = handshake.receive(hello)
    assert step.established is not None
    (success,) = frames.feed(await message(socket))
    assert decode(step.established.transport.decrypt(success)) == Node("success")


async def test_a_closing_socket_sends_what_is_queued_and_nothing_more() -> None:
    socket, transport, frames = await established()
    socket.send(Node("stream:error"))
    socket.close()
    socket.send(Node("ib"))
    (last,) = frames.feed(await message(socket))
    assert decode(transport.decrypt(last)) == Node("stream:error")
    assert await socket.next_message() is None


async def test_a_reader_that_is_too_slow_is_noticed() -> None:
    socket, _, _ = await established()
    big = Node("message", {}, bytes(4 << 20))
    taken = [socket.send(big) for _ in range(MAX_UNSENT // len(big.data) + 1)]
    assert taken[0]
    assert not taken[-1]
    await message(socket)
    assert socket.send(Node("ib"))


async def test_altered_frames_and_wrong_intros_end_the_connection() -> None:
    socket, transport, _ = await established()
    altered = bytearray(transport.encrypt(encode(Node("ib"))))
    altered[-1] ^= 1
    with pytest.raises(TransportError):
        socket.feed(frame(bytes(altered)))
    with pytest.raises(FrameError):
        server().feed(b"HELO")
