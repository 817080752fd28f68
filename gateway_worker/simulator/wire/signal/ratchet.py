"""X3DH and the Double Ratchet of one Signal session (version 3), compatible with libsignal.

A session never changes before a message proved authentic: a forged or repeated message leaves it as it was.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from gateway_worker.simulator.wire.ciphers import decrypt_cbc, encrypt_cbc
from gateway_worker.simulator.wire.curve import KEY_TYPE, KeyPair, hkdf, verify
from gateway_worker.simulator.wire.errors import BadKey, BadSignature, MalformedMessage, ReusedCounter, TooFarAhead
from gateway_worker.simulator.wire.signal.messages import PreKeyMessage, SignalMessage, signal_message

NewKeyPair = Callable[[], KeyPair]

MAX_SKIPPED = 2000
"""How far ahead of its chain a message may be, and how many skipped keys a chain keeps (libsignal's number)."""
_MAX_RECEIVING_CHAINS = 5
_DISCONTINUITY = b"\xff" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PreKeyBundle:
    """What a server hands out so that a session with a device can be started. Keys are 32 raw bytes."""

    registration_id: int
    identity: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signed_prekey_signature: bytes
    prekey_id: int | None = None
    prekey: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What an initiator repeats in every message (`pkmsg`) until it hears from the other side."""

    prekey_id: int | None
    signed_prekey_id: int


class _MessageKeys(NamedTuple):
    cipher: bytes
    mac: bytes
    iv: bytes


@dataclass(slots=True)
class _Chain:
    """A symmetric ratchet: the next chain key, its counter, and the keys of messages that were skipped."""

    key: bytes
    counter: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def take(self) -> tuple[int, bytes]:
        """The counter and key of the next message."""
        counter, key = self.counter, _message_key(self.key)
        self.key, self.counter = _next_chain_key(self.key), counter + 1
        return counter, key

    def after(self, counter: int) -> tuple[bytes, "_Chain"]:
        """The key of message `counter`, and the chain as it is once that message was read; self stays as it is."""
        if counter < self.counter:
            key = self.skipped.get(counter)
            if key is None:
                raise ReusedCounter(f"message {counter} of this chain was read before")
            rest = {number: kept for number, kept in self.skipped.items() if number != counter}
            return key, _Chain(self.key, self.counter, rest)
        if counter - self.counter > MAX_SKIPPED:
            raise TooFarAhead(f"{counter - self.counter} messages ahead")
        chain_key, skipped = self.key, dict(self.skipped)
        for number in range(self.counter, counter):
            skipped[number] = _message_key(chain_key)
            chain_key = _next_chain_key(chain_key)
        while len(skipped) > MAX_SKIPPED:
            del skipped[next(iter(skipped))]
        return _message_key(chain_key), _Chain(_next_chain_key(chain_key), counter + 1, skipped)


class Session:
    """One session with one device, as initiator (`initiate`) or responder (`respond`).

    `base_key` is the initiator's; it names the session. `pending` is set as long as our messages must be `pkmsg`.
    """

    __slots__ = (
        "_identity",
        "_new_key_pair",
        "_previous_counter",
        "_ratchet",
        "_receiving",
        "_root",
        "_sending",
        "base_key",
        "pending",
        "remote_identity",
    )

    def __init__(
        self,
        *,
        identity: KeyPair,
        remote_identity: bytes,
        base_key: bytes,
        root: bytes,
        ratchet: KeyPair,
        new_key_pair: NewKeyPair,
    ) -> None:
        self._identity = identity
        self._new_key_pair = new_key_pair
        self._root = root
        self._ratchet = ratchet
        self._sending: _Chain | None = None
        self._receiving: dict[bytes, _Chain] = {}
        self._previous_counter = 0
        self.remote_identity = remote_identity
        self.base_key = base_key
        self.pending: Pending | None = None

    @classmethod
    def initiate(cls, identity: KeyPair, bundle: PreKeyBundle, *, new_key_pair: NewKeyPair = KeyPair.generate) -> Self:
        """A session from a bundle. `BadSignature` if its signed prekey is not signed by its identity key."""
        if not verify(bundle.identity, KEY_TYPE + bundle.signed_prekey, bundle.signed_prekey_signature):
            raise BadSignature("the signed prekey is not signed by the identity key")
        base = new_key_pair()
        secret = _DISCONTINUITY + identity.agree(bundle.signed_prekey)
        secret += base.agree(bundle.identity) + base.agree(bundle.signed_prekey)
        if bundle.prekey is not None:
            secret += base.agree(bundle.prekey)
        session = cls(
            identity=identity,
            remote_identity=bundle.identity,
            base_key=base.public,
            root=_first_root(secret),
            ratchet=new_key_pair(),
            new_key_pair=new_key_pair,
        )
        session._root, session._sending = _step(session._root, session._ratchet, bundle.signed_prekey)
        session.pending = Pending(prekey_id=bundle.prekey_id, signed_prekey_id=bundle.signed_prekey_id)
        return session

    @classmethod
    def respond(
        cls,
        identity: KeyPair,
        message: PreKeyMessage,
        *,
        signed_prekey: KeyPair,
        prekey: KeyPair | None,
        new_key_pair: NewKeyPair = KeyPair.generate,
    ) -> Self:
        """The session that a `pkmsg` opens; it can send once that message was decrypted."""
        secret = _DISCONTINUITY + _agree(signed_prekey, message.identity)
        secret += _agree(identity, message.base_key) + _agree(signed_prekey, message.base_key)
        if prekey is not None:
            secret += _agree(prekey, message.base_key)
        return cls(
            identity=identity,
            remote_identity=message.identity,
            base_key=message.base_key,
            root=_first_root(secret),
            ratchet=signed_prekey,
            new_key_pair=new_key_pair,
        )

    def knows(self, message: SignalMessage) -> bool:
        """Whether the message belongs to a chain of this session that was seen before."""
        return message.ratchet_key in self._receiving

    def encrypt(self, plaintext: bytes) -> bytes:
        """The bytes of a `msg`. Its counter is used up, whatever becomes of it."""
        assert self._sending is not None, "a responder sends after its first message"
        counter, message_key = self._sending.take()
        keys = _message_keys(message_key)
        return signal_message(
            ratchet_key=self._ratchet.public,
            counter=counter,
            previous_counter=self._previous_counter,
            ciphertext=encrypt_cbc(keys.cipher, keys.iv, plaintext),
            mac_key=keys.mac,
            sender=self._identity.public,
            receiver=self.remote_identity,
        )

    def decrypt(self, message: SignalMessage) -> bytes:
        """The plaintext. `ReusedCounter`, `TooFarAhead`, `BadMac` or `MalformedMessage`; then nothing has changed."""
        chain = self._receiving.get(message.ratchet_key)
        root = self._root
        if chain is None:
            root, chain = _step(root, self._ratchet, message.ratchet_key)
        message_key, advanced = chain.after(message.counter)
        keys = _message_keys(message_key)
        message.check_mac(keys.mac, sender=self.remote_identity, receiver=self._identity.public)
        plaintext = decrypt_cbc(keys.cipher, keys.iv, message.ciphertext)
        if message.ratchet_key not in self._receiving:
            self._turn(root, message.ratchet_key)
        self._receiving[message.ratchet_key] = advanced
        self.pending = None
        return plaintext

    def _turn(self, root: bytes, remote_ratchet: bytes) -> None:
        """The other side has a new ratchet key, so we take one too."""
        if self._sending is not None:
            self._previous_counter = max(0, self._sending.counter - 1)
        self._ratchet = self._new_key_pair()
        self._root, self._sending = _step(root, self._ratchet, remote_ratchet)
        while len(self._receiving) >= _MAX_RECEIVING_CHAINS:
            del self._receiving[next(iter(self._receiving))]


def _agree(own: KeyPair, public: bytes) -> bytes:
    try:
        return own.agree(public)
    except BadKey as error:
        raise MalformedMessage("not a usable key in the message") from error


def _first_root(secret: bytes) -> bytes:
    return hkdf(secret, 64, info=b"WhisperText")[:32]


def _step(root: bytes, ratchet: KeyPair, remote_ratchet: bytes) -> tuple[bytes, _Chain]:
    keys = hkdf(_agree(ratchet, remote_ratchet), 64, salt=root, info=b"WhisperRatchet")
    return keys[:32], _Chain(keys[32:])


def _message_key(chain_key: bytes) -> bytes:
    return hmac.digest(chain_key, b"\x01", "sha256")


def _next_chain_key(chain_key: bytes) -> bytes:
    return hmac.digest(chain_key, b"\x02", "sha256")


def _message_keys(message_key: bytes) -> _MessageKeys:
    keys = hkdf(message_key, 80, info=b"WhisperMessageKeys")
    return _MessageKeys(cipher=keys[:32], mac=keys[32:64], iv=keys[64:])
