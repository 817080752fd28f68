"""One device's Signal state: identity, prekeys and its sessions with other devices.

Strict where a real client is forgiving: a repeated counter, a one-time prekey that serves twice and a changed identity
are errors of their own, and nothing changes when one is raised. Addresses are any strings that name a device.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway_worker.simulator.wire.curve import KEY_TYPE, KeyPair
from gateway_worker.simulator.wire.errors import (
    IdentityMismatch,
    MalformedMessage,
    NoSession,
    ReusedCounter,
    SignalError,
    UnknownPreKey,
    UsedPreKey,
)
from gateway_worker.simulator.wire.signal.messages import PreKeyMessage, SignalMessage
from gateway_worker.simulator.wire.signal.ratchet import NewKeyPair, PreKeyBundle, Session

CiphertextType = Literal["msg", "pkmsg"]

_MAX_SESSIONS = 40
"""Sessions kept per address, the current one first (libsignal's number)."""
_MAX_PREKEY_ID = (1 << 24) - 1
_MAX_PADDING = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """One `<enc>`: its `type` and content."""

    type: CiphertextType
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PreKey:
    """A prekey that was published under `id` (1 to 2^24 - 1)."""

    id: int
    pair: KeyPair


class SignalDevice:
    """Identity, prekeys and sessions of one device (a simulated phone, a test companion)."""

    __slots__ = (
        "_new_key_pair",
        "_next_prekey_id",
        "_prekeys",
        "_sessions",
        "identity",
        "registration_id",
        "signed_prekey",
        "signed_prekey_signature",
    )

    def __init__(
        self,
        *,
        identity: KeyPair,
        registration_id: int,
        signed_prekey: PreKey | None = None,
        new_key_pair: NewKeyPair = KeyPair.generate,
    ) -> None:
        self.identity = identity
        self.registration_id = registration_id
        self.signed_prekey = signed_prekey or PreKey(id=1, pair=new_key_pair())
        self.signed_prekey_signature = identity.sign(KEY_TYPE + self.signed_prekey.pair.public)
        self._new_key_pair = new_key_pair
        self._next_prekey_id = 1
        self._prekeys: dict[int, KeyPair] = {}
        self._sessions: dict[str, list[Session]] = {}

    def new_prekeys(self, count: int) -> list[PreKey]:
        """`count` fresh one-time prekeys, to be published; each serves once."""
        first = self._next_prekey_id
        self._next_prekey_id += count
        assert self._next_prekey_id <= _MAX_PREKEY_ID, "prekey ids are 3 bytes"
        prekeys = [PreKey(id=first + offset, pair=self._new_key_pair()) for offset in range(count)]
        self._prekeys.update({prekey.id: prekey.pair for prekey in prekeys})
        return prekeys

    def bundle(self, prekey: PreKey | None = None) -> PreKeyBundle:
        """What a server would hand out for this device."""
        return PreKeyBundle(
            registration_id=self.registration_id,
            identity=self.identity.public,
            signed_prekey_id=self.signed_prekey.id,
            signed_prekey=self.signed_prekey.pair.public,
            signed_prekey_signature=self.signed_prekey_signature,
            prekey_id=prekey.id if prekey else None,
            prekey=prekey.pair.public if prekey else None,
        )

    def has_session(self, address: str) -> bool:
        """Whether `encrypt` would find a session."""
        return address in self._sessions

    def start_session(self, address: str, bundle: PreKeyBundle) -> None:
        """Make a new session the current one. `BadSignature`, `BadKey` if the bundle is not sound."""
        self._remember(address, Session.initiate(self.identity, bundle, new_key_pair=self._new_key_pair))

    def forget_sessions(self, address: str) -> None:
        """Drop every session with a device, as when it was unlinked."""
        self._sessions.pop(address, None)

    def encrypt(self, address: str, plaintext: bytes) -> Ciphertext:
        """The next message of the current session; `pkmsg` until the other side answered. `NoSession` without one."""
        if address not in self._sessions:
            raise NoSession("no session with this device")
        session = self._sessions[address][0]
        message = session.encrypt(plaintext)
        if session.pending is None:
            return Ciphertext(type="msg", content=message)
        first = PreKeyMessage(
            registration_id=self.registration_id,
            prekey_id=session.pending.prekey_id,
            signed_prekey_id=session.pending.signed_prekey_id,
            base_key=session.base_key,
            identity=self.identity.public,
            message=message,
        )
        return Ciphertext(type="pkmsg", content=first.serialize())

    def decrypt(self, address: str, ciphertext: Ciphertext, *, expected_identity: bytes | None = None) -> bytes:
        """The plaintext, or one of `SignalError`'s kinds, and then nothing has changed.

        `expected_identity` (32 bytes) is the identity key the device is known to have; a `pkmsg` must carry it.
        """
        if ciphertext.type == "msg":
            message = SignalMessage.parse(ciphertext.content)
            return self._decrypt_in(address, self._sessions.get(address, []), message)
        return self._decrypt_first(address, PreKeyMessage.parse(ciphertext.content), expected_identity)

    def _decrypt_first(self, address: str, first: PreKeyMessage, expected_identity: bytes | None) -> bytes:
        if expected_identity is not None and first.identity != expected_identity:
            raise IdentityMismatch("the message claims another identity key")
        message = SignalMessage.parse(first.message)
        named = [session for session in self._sessions.get(address, []) if session.base_key == first.base_key]
        if named:  # the sender has not heard from us yet
            return self._decrypt_in(address, named, message)
        session = Session.respond(
            self.identity,
            first,
            signed_prekey=self._signed_prekey(first.signed_prekey_id),
            prekey=self._prekey(first.prekey_id),
            new_key_pair=self._new_key_pair,
        )
        plaintext = session.decrypt(message)
        if first.prekey_id is not None:
            del self._prekeys[first.prekey_id]
        self._remember(address, session)
        return plaintext

    def _decrypt_in(self, address: str, sessions: Sequence[Session], message: SignalMessage) -> bytes:
        """With the session that knows the message's chain, else with the first in which it is authentic."""
        failure: SignalError = NoSession("no session with this device")
        for session in sorted(sessions, key=lambda session: not session.knows(message)):
            try:
                plaintext = session.decrypt(message)
            except ReusedCounter:
                raise
            except SignalError as error:
                failure = error
            else:
                self._remember(address, session)
                return plaintext
        raise failure

    def _remember(self, address: str, session: Session) -> None:
        """Make `session` the current one of its address."""
        others = [other for other in self._sessions.get(address, []) if other is not session]
        self._sessions[address] = [session, *others][:_MAX_SESSIONS]

    def _signed_prekey(self, number: int) -> KeyPair:
        if number != self.signed_prekey.id:
            raise UnknownPreKey(f"no signed prekey {number}")
        return self.signed_prekey.pair

    def _prekey(self, number: int | None) -> KeyPair | None:
        if number is None:
            return None
        if number in self._prekeys:
            return self._prekeys[number]
        if 0 < number < self._next_prekey_id:
            raise UsedPreKey(f"prekey {number} has served another session")
        raise UnknownPreKey(f"no prekey {number}")


def pad(plaintext: bytes, *, padding: int | None = None) -> bytes:
    """WhatsApp's padding before encryption: 1 to 16 bytes (at random) that each say how many they are."""
    count = padding or 1 + secrets.randbelow(_MAX_PADDING)
    return plaintext + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """The reverse of `pad`; `MalformedMessage` if it is not padded."""
    count = padded[-1] if padded else 0
    if not 1 <= count <= _MAX_PADDING or padded[-count:] != bytes([count]) * count:
        raise MalformedMessage("not WhatsApp's padding")
    return padded[:-count]
