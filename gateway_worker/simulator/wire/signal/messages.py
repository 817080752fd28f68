"""The two 1:1 messages of the Signal protocol, version 3, as bytes: `SignalMessage` and `PreKeySignalMessage`.

Both start with a version byte (our own version in the high half, the newest we know in the low half). A `SignalMessage`
ends with 8 bytes of MAC over both identity keys, the version byte and the protobuf. Keys inside carry `KEY_TYPE`.
"""

import hmac
from dataclasses import dataclass
from typing import Self

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KEY_SIZE, KEY_TYPE
from gateway_worker.simulator.wire.errors import BadMac, MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import PreKeySignalMessage as PreKeySignalProto
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SignalMessage as SignalProto

VERSION = b"\x33"
MAC_SIZE = 8
_VERSION_NUMBER = 3


def public_key(field: bytes) -> bytes:
    """The raw key of a field with a type byte; `MalformedMessage` if it is none."""
    if len(field) != KEY_SIZE + 1 or not field.startswith(KEY_TYPE):
        raise MalformedMessage("not a Curve25519 key with its type")
    return field[1:]


def versioned(message: bytes) -> bytes:
    """What follows the version byte; `MalformedMessage` for another version."""
    if not message or message[0] >> 4 != _VERSION_NUMBER or message[0] & 0xF < _VERSION_NUMBER:
        raise MalformedMessage("not version 3")
    return message[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMessage:
    """One step of a chain: the sender's ratchet key, the counter, the ciphertext, and the bytes its MAC covers."""

    ratchet_key: bytes
    counter: int
    ciphertext: bytes
    authenticated: bytes
    mac: bytes

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """From the bytes of a `msg`; the MAC is not checked yet. `MalformedMessage` for anything else."""
        body = versioned(message)
        if len(body) <= MAC_SIZE:
            raise MalformedMessage("too short for a MAC")
        try:
            proto = SignalProto.FromString(body[:-MAC_SIZE])
        except DecodeError as error:
            raise MalformedMessage("not a Signal message") from error
        if not proto.HasField("counter") or not proto.ciphertext:
            raise MalformedMessage("a Signal message without counter or ciphertext")
        return cls(
            ratchet_key=public_key(proto.ratchetKey),
            counter=proto.counter,
            ciphertext=proto.ciphertext,
            authenticated=message[:-MAC_SIZE],
            mac=message[-MAC_SIZE:],
        )

    def check_mac(self, mac_key: bytes, *, sender: bytes, receiver: bytes) -> None:
        """`BadMac` unless the message is `sender`'s to `receiver` (identity keys) under `mac_key`."""
        if not hmac.compare_digest(_mac(mac_key, sender, receiver, self.authenticated), self.mac):
            raise BadMac("the message is not authentic in this session")


def signal_message(
    *,
    ratchet_key: bytes,
    counter: int,
    previous_counter: int,
    ciphertext: bytes,
    mac_key: bytes,
    sender: bytes,
    receiver: bytes,
) -> bytes:
    """The bytes of a `msg`."""
    proto = SignalProto(
        ratchetKey=KEY_TYPE + ratchet_key, counter=counter, previousCounter=previous_counter, ciphertext=ciphertext
    )
    authenticated = VERSION + proto.SerializeToString()
    return authenticated + _mac(mac_key, sender, receiver, authenticated)


def _mac(key: bytes, sender: bytes, receiver: bytes, authenticated: bytes) -> bytes:
    return hmac.digest(key, KEY_TYPE + sender + KEY_TYPE + receiver + authenticated, "sha256")[:MAC_SIZE]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreKeyMessage:
    """The first messages of a session: everything the responder needs to build it, and a `SignalMessage`."""

    registration_id: int
    prekey_id: int | None
    signed_prekey_id: int
    base_key: bytes
    identity: bytes
    message: bytes

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """From the bytes of a `pkmsg`; `MalformedMessage` for anything else."""
        try:
            proto = PreKeySignalProto.FromString(versioned(message))
        except DecodeError as error:
            raise MalformedMessage("not a prekey message") from error
        if not proto.HasField("signedPreKeyId") or not proto.message:
            raise MalformedMessage("a prekey message without signed prekey or message")
        return cls(
            registration_id=proto.registrationId,
            prekey_id=proto.preKeyId if proto.HasField("preKeyId") else None,
            signed_prekey_id=proto.signedPreKeyId,
            base_key=public_key(proto.baseKey),
            identity=public_key(proto.identityKey),
            message=proto.message,
        )

    def serialize(self) -> bytes:
        """The bytes of a `pkmsg`."""
        proto = PreKeySignalProto(
            registrationId=self.registration_id,
            preKeyId=self.prekey_id,
            signedPreKeyId=self.signed_prekey_id,
            baseKey=KEY_TYPE + self.base_key,
            identityKey=KEY_TYPE + self.identity,
            message=self.message,
        )
        return VERSION + proto.SerializeToString()
