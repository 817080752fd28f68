"""The simulator's phone against a companion that shares no code with it: written from the description alone.

Its protobuf, key derivation and cipher are spelt out here, so that a mistake that the simulator makes on both sides of
its own code is one that this companion does not make.
"""

import hashlib
import hmac
import json
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway_worker.simulator.wire.nodes import Node
from tests.unit.simulator.passkey_client import Companion, scanned

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
CHROME: Final = 1
NONCE: Final = hashlib.sha256(b"a nonce").digest()
SECRET: Final = hashlib.sha256(b"a new secret").digest()


def _derived(key: bytes, *, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _field(number: int, value: bytes | int) -> bytes:
    """A field of a protobuf message; numbers here are below 128, lengths below 16,384."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + value


def _fields(message: bytes) -> dict[int, bytes]:
    """The fields of a message that holds bytes of less than 128 only."""
    found: dict[int, bytes] = {}
    while message:
        tag, size = message[0], message[1]
        found[tag >> 3], message = message[2 : 2 + size], message[2 + size :]
    return found


class _Second:
    def __init__(self, stage: Companion) -> None:
        self._stage = stage
        self._key = X25519PrivateKey.generate()
        self._ref = stage.ask(Node("ref"), "get").need("ref").text

    def prologue(self, *, proves: bool) -> Node:
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        identity = _field(1, public) + _field(2, CHROME) + _field(3, self._ref.encode())
        commitment = _field(1, hashlib.sha256(identity + NONCE).digest())
        payload = _field(1, identity) + _field(2, commitment)
        assert self._stage.account.passkey is not None
        parts = [
            Node("credential_id", {}, self._stage.account.passkey.credential_id),
            Node("webauthn_assertion", {}, json.dumps(self._stage.assertion()).encode()),
            Node("prologue_payload", {}, payload),
        ]
        if proves:
            handoff = _derived(self._stage.client.secret, salt=None, info=b"shortcake-passkey-handoff-v1")
            parts.append(Node("pairing_handoff_proof", {}, hmac.new(handoff, payload, hashlib.sha256).digest()))
        return Node("passkey_prologue", {}, parts)

    def hear(self, continuation: Node) -> None:
        self._phone = _fields(continuation.need("primary_ephemeral_identity").data)

    @property
    def code(self) -> str:
        mixed = hashlib.sha256(NONCE + self._phone[1]).digest()
        number = int.from_bytes(bytes(a ^ b for a, b in zip(self._phone[2][:5], mixed[:5], strict=True)))
        text = "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
        return f"{text[:4]}-{text[4:]}"

    def envelope(self) -> Node:
        shared = self._key.exchange(X25519PublicKey.from_public_bytes(self._phone[1]))
        salt = f"Companion Pairing {CHROME} with ref {self._ref}".encode()
        key = _derived(shared, salt=salt, info=b"Pairing Information Encryption Key")
        client = self._stage.client
        request = _field(1, client.noise.public) + _field(2, client.signal.identity.public) + _field(3, SECRET)
        iv = hashlib.sha256(b"iv").digest()[:12]
        return Node("encrypted_pairing_request", {}, _field(1, AESGCM(key).encrypt(iv, request, None)) + _field(2, iv))


def _links(*, proves: bool) -> str | None:
    """The code that the phone showed."""
    stage = scanned()
    second = _Second(stage)
    assert stage.ask(second.prologue(proves=proves)).attrs["type"] == "result"
    stage.stage.run()
    (continuation,) = stage.client.got("notification", type="crsc_continuation")
    second.hear(continuation)
    assert stage.ask(Node("companion_nonce", {}, NONCE)).attrs["type"] == "result"
    shown = stage.account.primary.passkey_code
    assert shown in (None, second.code)
    assert stage.ask(second.envelope()).attrs["type"] == "result"
    stage.stage.run()
    stage.client.secret = SECRET
    stage.client.countersign()
    assert len(stage.account.companions) == 1
    assert stage.causes == {}
    return shown


def test_a_companion_that_somebody_else_wrote_is_linked_with_a_proof_and_with_a_code_to_compare() -> None:
    assert _links(proves=True) is None
    assert _links(proves=False) is not None
