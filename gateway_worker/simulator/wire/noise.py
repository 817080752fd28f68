"""The Noise handshake of WhatsApp's socket, both sides, and the encrypted transport that follows.

Patterns: `XX` (first contact), `IK` (the client knows our static key and sends its payload at once), `XXfallback` (the
answer to an `IK` hello for a static key we no longer have). Frames come and go without their length (see `frames`);
inside they are protobuf `HandshakeMessage`s, and the prologue is the 4 bytes of the intro header.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.certificates import check_chain
from gateway_worker.simulator.wire.curve import KEY_SIZE, KeyPair, hkdf
from gateway_worker.simulator.wire.errors import BadKey, HandshakeError, TransportError
from gateway_worker.simulator.wire.frames import HEADER
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import HandshakeMessage

Pattern = Literal["XX", "IK", "XXfallback"]
NewKeyPair = Callable[[], KeyPair]

_MAX_COUNTER = 1 << 32
_NONCE_SIZE = 12


class Transport:
    """One direction each of AES-256-GCM with a message counter as nonce. Frames must stay in order."""

    __slots__ = ("_receive", "_received", "_send", "_sent")

    def __init__(self, *, send_key: bytes, receive_key: bytes) -> None:
        self._send = AESGCM(send_key)
        self._receive = AESGCM(receive_key)
        self._sent = 0
        self._received = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """The next frame's content; `TransportError` after 2^32 of them."""
        if self._sent >= _MAX_COUNTER:
            raise TransportError("the counter is used up")
        nonce = self._sent.to_bytes(_NONCE_SIZE, "big")
        self._sent += 1
        return self._send.encrypt(nonce, plaintext, None)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """What the peer's next frame says; `TransportError` if it is not authentic, and then the connection is over."""
        if self._received >= _MAX_COUNTER:
            raise TransportError("the counter is used up")
        nonce = self._received.to_bytes(_NONCE_SIZE, "big")
        self._received += 1
        try:
            return self._receive.decrypt(nonce, ciphertext, None)
        except InvalidTag as error:
            raise TransportError("a frame is not authentic") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """A finished handshake: the peer's static key, the payload it carried for us, and the transport."""

    pattern: Pattern
    peer_static: bytes
    payload: bytes
    """Server: the serialised `ClientPayload`. Client: the serialised `CertChain`, checked."""
    transport: Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeStep:
    """What one received frame leads to: a frame to send, the end of the handshake, or both."""

    reply: bytes | None = None
    established: Established | None = None


class _Symmetric:
    """Noise's symmetric state: hash, chaining key (WhatsApp's word: salt), cipher key and counter."""

    __slots__ = ("_counter", "_hash", "_key", "_salt")

    def __init__(self, pattern: Pattern) -> None:
        name = f"Noise_{pattern}_25519_AESGCM_SHA256".encode()
        start = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()  # noqa: PLR2004 - HASHLEN
        self._hash = self._salt = self._key = start
        self._counter = 0
        self.authenticate(HEADER)

    def authenticate(self, public: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + public).digest()

    def mix(self, secret: bytes) -> None:
        keys = hkdf(secret, 64, salt=self._salt)
        self._salt, self._key, self._counter = keys[:32], keys[32:], 0

    def _nonce(self) -> bytes:
        self._counter += 1
        return (self._counter - 1).to_bytes(_NONCE_SIZE, "big")

    def encrypt(self, plaintext: bytes) -> bytes:
        ciphertext = AESGCM(self._key).encrypt(self._nonce(), plaintext, self._hash)
        self.authenticate(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        try:
            plaintext = AESGCM(self._key).decrypt(self._nonce(), ciphertext, self._hash)
        except InvalidTag as error:
            raise HandshakeError("a handshake field is not authentic") from error
        self.authenticate(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """The keys of client → server and server → client."""
        keys = hkdf(b"", 64, salt=self._salt)
        return keys[:32], keys[32:]


def _message(frame: bytes) -> HandshakeMessage:
    try:
        return HandshakeMessage.FromString(frame)
    except DecodeError as error:
        raise HandshakeError("not a handshake message") from error


def _agree(own: KeyPair, public: bytes) -> bytes:
    try:
        return own.agree(public)
    except BadKey as error:
        raise HandshakeError("not a usable key in the handshake") from error


class ServerHandshake:
    """The server's side of one handshake. `chain` is what `CertificateAuthority.issue` gave for `static`."""

    __slots__ = ("_chain", "_ephemeral", "_expects", "_noise", "_pattern", "_static")

    def __init__(self, static: KeyPair, chain: bytes, *, new_key_pair: NewKeyPair = KeyPair.generate) -> None:
        self._static = static
        self._chain = chain
        self._ephemeral = new_key_pair()
        self._noise = _Symmetric("XX")
        self._pattern: Pattern = "XX"
        self._expects: Literal["hello", "finish", "nothing"] = "hello"

    def receive(self, frame: bytes) -> HandshakeStep:
        """The client's next frame: hello (a reply, with `IK` also the end), finish (the end). `HandshakeError` else."""
        message = _message(frame)
        match self._expects:
            case "hello":
                return self._hello(message.clientHello)
            case "finish":
                return self._finish(message.clientFinish)
            case "nothing":
                raise HandshakeError("the handshake is over")

    def _hello(self, hello: HandshakeMessage.ClientHello) -> HandshakeStep:
        if len(hello.ephemeral) != KEY_SIZE:
            raise HandshakeError("a hello without an ephemeral key")
        if not (hello.static and hello.payload):
            return self._answer_xx(hello.ephemeral, "XX")
        noise = _Symmetric("IK")
        noise.authenticate(self._static.public)
        noise.authenticate(hello.ephemeral)
        noise.mix(_agree(self._static, hello.ephemeral))
        try:
            client_static = noise.decrypt(hello.static)
            noise.mix(_agree(self._static, client_static))
            payload = noise.decrypt(hello.payload)
        except HandshakeError:
            # Encrypted for a static key we do not have (any more). Noise's way out: go on as XX with the same hello.
            return self._answer_xx(hello.ephemeral, "XXfallback")
        return self._answer_ik(noise, hello.ephemeral, client_static, payload)

    def _answer_xx(self, client_ephemeral: bytes, pattern: Pattern) -> HandshakeStep:
        self._pattern, self._expects = pattern, "finish"
        noise = self._noise = _Symmetric(pattern)
        noise.authenticate(client_ephemeral)
        noise.authenticate(self._ephemeral.public)
        noise.mix(_agree(self._ephemeral, client_ephemeral))
        static = noise.encrypt(self._static.public)
        noise.mix(_agree(self._static, client_ephemeral))
        return HandshakeStep(reply=self._server_hello(static=static, payload=noise.encrypt(self._chain)))

    def _answer_ik(
        self, noise: _Symmetric, client_ephemeral: bytes, client_static: bytes, payload: bytes
    ) -> HandshakeStep:
        self._pattern, self._expects = "IK", "nothing"
        noise.authenticate(self._ephemeral.public)
        noise.mix(_agree(self._ephemeral, client_ephemeral))
        noise.mix(_agree(self._ephemeral, client_static))
        # No static key in the answer: that is how the client sees that IK was accepted.
        reply = self._server_hello(static=None, payload=noise.encrypt(self._chain))
        return HandshakeStep(reply=reply, established=self._establish(noise, "IK", client_static, payload))

    def _server_hello(self, *, static: bytes | None, payload: bytes) -> bytes:
        hello = HandshakeMessage.ServerHello(ephemeral=self._ephemeral.public, static=static, payload=payload)
        return HandshakeMessage(serverHello=hello).SerializeToString()

    def _finish(self, finish: HandshakeMessage.ClientFinish) -> HandshakeStep:
        self._expects = "nothing"
        noise = self._noise
        client_static = noise.decrypt(finish.static)
        noise.mix(_agree(self._ephemeral, client_static))
        payload = noise.decrypt(finish.payload)
        return HandshakeStep(established=self._establish(noise, self._pattern, client_static, payload))

    @staticmethod
    def _establish(noise: _Symmetric, pattern: Pattern, client_static: bytes, payload: bytes) -> Established:
        client_key, server_key = noise.split()
        transport = Transport(send_key=server_key, receive_key=client_key)
        return Established(pattern=pattern, peer_static=client_static, payload=payload, transport=transport)


class ClientHandshake:
    """The client's side of one handshake: `XX`, or `IK` if the server's static key is already known."""

    __slots__ = ("_ephemeral", "_noise", "_now", "_payload", "_root_public", "_server_static", "_static")

    def __init__(
        self,
        static: KeyPair,
        *,
        payload: bytes,
        root_public: bytes,
        now: int,
        server_static: bytes | None = None,
        new_key_pair: NewKeyPair = KeyPair.generate,
    ) -> None:
        self._static = static
        self._payload = payload
        self._root_public = root_public
        self._now = now
        self._server_static = server_static
        self._ephemeral = new_key_pair()
        self._noise = _Symmetric("IK" if server_static else "XX")

    def hello(self) -> bytes:
        """The first frame's content (the intro goes before it)."""
        noise = self._noise
        hello = HandshakeMessage.ClientHello(ephemeral=self._ephemeral.public)
        if self._server_static is not None:
            noise.authenticate(self._server_static)
        noise.authenticate(self._ephemeral.public)
        if self._server_static is not None:
            noise.mix(_agree(self._ephemeral, self._server_static))
            hello.static = noise.encrypt(self._static.public)
            noise.mix(_agree(self._static, self._server_static))
            hello.payload = noise.encrypt(self._payload)
        return HandshakeMessage(clientHello=hello).SerializeToString()

    def receive(self, frame: bytes) -> HandshakeStep:
        """The server's hello ends the handshake; with `XX` there is a reply to send. Else `HandshakeError`."""
        hello = _message(frame).serverHello
        if self._server_static is not None and not hello.static:
            return self._accepted_ik(hello, self._server_static)
        pattern: Pattern = "XX"
        if self._server_static is not None:
            pattern = "XXfallback"
            self._noise = _Symmetric(pattern)
            self._noise.authenticate(self._ephemeral.public)
        return self._finish_xx(hello, pattern)

    def _accepted_ik(self, hello: HandshakeMessage.ServerHello, server_static: bytes) -> HandshakeStep:
        noise = self._noise
        noise.authenticate(hello.ephemeral)
        noise.mix(_agree(self._ephemeral, hello.ephemeral))
        noise.mix(_agree(self._static, hello.ephemeral))
        return HandshakeStep(established=self._establish("IK", server_static, noise.decrypt(hello.payload)))

    def _finish_xx(self, hello: HandshakeMessage.ServerHello, pattern: Pattern) -> HandshakeStep:
        noise = self._noise
        noise.authenticate(hello.ephemeral)
        noise.mix(_agree(self._ephemeral, hello.ephemeral))
        server_static = noise.decrypt(hello.static)
        noise.mix(_agree(self._ephemeral, server_static))
        chain = noise.decrypt(hello.payload)
        own_static = noise.encrypt(self._static.public)
        noise.mix(_agree(self._static, hello.ephemeral))
        finish = HandshakeMessage.ClientFinish(static=own_static, payload=noise.encrypt(self._payload))
        established = self._establish(pattern, server_static, chain)
        return HandshakeStep(reply=HandshakeMessage(clientFinish=finish).SerializeToString(), established=established)

    def _establish(self, pattern: Pattern, server_static: bytes, chain: bytes) -> Established:
        check_chain(chain, root_public=self._root_public, static_public=server_static, now=self._now)
        client_key, server_key = self._noise.split()
        transport = Transport(send_key=client_key, receive_key=server_key)
        return Established(pattern=pattern, peer_static=server_static, payload=chain, transport=transport)
