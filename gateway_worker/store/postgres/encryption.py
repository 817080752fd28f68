"""How stored values are encrypted. Pure: bytes in, bytes out; the randomness is an argument.

Two levels. The *keyring* holds the configured keys (``ENCRYPTION_KEYS``): the first seals, all unseal. It seals the
data keys of sessions, and replies to commands, which need not belong to a session. A *data key* encrypts one session's
values; each session has two, so that destroying one (delete) can leave the other (the messages, unless purged).

Everything is AES-256-GCM with associated data that names the place of the value (session, column, row), so that a value
copied to another row or column does not authenticate. Formats, all integers one byte::

    sealed     1 | fingerprint of the key (8) | salt (16) | nonce (12) | ciphertext and tag
    encrypted  1 | nonce (12) | ciphertext and tag

A sealed value has a key of its own, HMAC-SHA256(key, salt): the bound of 2^32 random nonces per key is never near.
"""

import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway_worker.store.errors import EncryptionError, KeyUnavailable, Tampered

KEY_BYTES: Final = 32
_FORMAT: Final = b"\x01"
_FINGERPRINT_BYTES: Final = 8
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_SEALED_HEADER: Final = 1 + _FINGERPRINT_BYTES + _SALT_BYTES + _NONCE_BYTES
_ENCRYPTED_HEADER: Final = 1 + _NONCE_BYTES

Randomness = Callable[[int], bytes]


class Purpose(StrEnum):
    """What a session's data key is for."""

    IDENTITY = "identity"  # settings, credentials, keys, decrypted parts: destroyed when the session is deleted
    CONTENT = "content"  # message bodies, outbox payloads: destroyed when it is purged


def place(*parts: str) -> bytes:
    """Associated data that names where a value lives. NUL cannot occur in PostgreSQL's text, so it separates."""
    return "\0".join(parts).encode()


class Keyring:
    """The configured keys.

    Args:
        keys: AES-256 keys; the first seals, all unseal.
        randomness: gives n random bytes.
    """

    def __init__(self, keys: Sequence[bytes], *, randomness: Randomness = os.urandom) -> None:
        if not keys:
            raise EncryptionError("no encryption key is configured: set GATEWAY_ENCRYPTION_KEYS")
        if any(len(key) != KEY_BYTES for key in keys):
            raise EncryptionError(f"an encryption key must have {KEY_BYTES} bytes")
        self._keys = {_fingerprint(key): key for key in keys}
        self._first = _fingerprint(keys[0])
        self._randomness = randomness

    @property
    def fingerprint(self) -> bytes:
        """Names the key that seals, without telling it."""
        return self._first

    @property
    def names(self) -> Sequence[str]:
        """What names each key, without telling it; first the one that seals."""
        return [fingerprint.hex() for fingerprint in self._keys]

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key has sealed it."""
        return fingerprint_of(sealed) == self._first

    def reseal(self, sealed: bytes, where: bytes) -> bytes:
        """The same under the first key. Raises as `unseal` does."""
        return self.seal(self.unseal(sealed, where), where)

    def seal(self, plaintext: bytes, where: bytes) -> bytes:
        """Encrypt under the first key. `where` comes from `place`."""
        salt = self._randomness(_SALT_BYTES)
        nonce = self._randomness(_NONCE_BYTES)
        cipher = AESGCM(_derived(self._keys[self._first], salt))
        return _FORMAT + self._first + salt + nonce + cipher.encrypt(nonce, plaintext, where)

    def unseal(self, sealed: bytes, where: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            KeyUnavailable: the key that sealed it is not configured (any more).
            Tampered: it does not authenticate at this place.
        """
        _check_format(sealed, _SEALED_HEADER)
        fingerprint = fingerprint_of(sealed)
        key = self._keys.get(fingerprint)
        if key is None:
            raise KeyUnavailable(
                f"the key with fingerprint {fingerprint.hex()} is not among GATEWAY_ENCRYPTION_KEYS: add it behind the"
                " first one (the first encrypts, all decrypt)"
            )
        salt = sealed[1 + _FINGERPRINT_BYTES : 1 + _FINGERPRINT_BYTES + _SALT_BYTES]
        nonce = sealed[_SEALED_HEADER - _NONCE_BYTES : _SEALED_HEADER]
        return _decrypt(AESGCM(_derived(key, salt)), nonce, sealed[_SEALED_HEADER:], where)

    def new_data_key(self, session_id: str, purpose: Purpose) -> bytes:
        """A new random data key, sealed: what the session's row stores."""
        return self.seal(self._randomness(KEY_BYTES), place(session_id, purpose))


class Cipher:
    """One session's data key at work."""

    __slots__ = ("_aead", "_naming", "_randomness", "_session_id")

    def __init__(self, session_id: str, key: bytes, randomness: Randomness) -> None:
        self._session_id = session_id
        self._aead = AESGCM(key)
        self._naming = hmac.digest(key, b"name", "sha256")
        self._randomness = randomness

    def name(self, column: str, *row: str) -> str:
        """A name for something of the session's, the same each time, which tells nothing to who lacks the key."""
        return hmac.digest(self._naming, place(self._session_id, column, *row), "sha256").hex()

    def encrypt(self, plaintext: bytes, column: str, *row: str) -> bytes:
        """Encrypt a value for its place: a column, and the row's key below the session's."""
        nonce = self._randomness(_NONCE_BYTES)
        return _FORMAT + nonce + self._aead.encrypt(nonce, plaintext, place(self._session_id, column, *row))

    def decrypt(self, encrypted: bytes, column: str, *row: str) -> bytes:
        """Decrypt what `encrypt` made for the same place.

        Raises:
            Tampered: it does not authenticate there.
        """
        _check_format(encrypted, _ENCRYPTED_HEADER)
        nonce = encrypted[1:_ENCRYPTED_HEADER]
        return _decrypt(self._aead, nonce, encrypted[_ENCRYPTED_HEADER:], place(self._session_id, column, *row))


class Ciphers:
    """Data keys at work, made from their sealed form and remembered: at most `size`, the least used forgotten first.

    It is keyed by the sealed bytes as a row holds them. So what is remembered can never be older than the row: a
    session deleted and made again by another worker has other sealed bytes.
    """

    def __init__(self, keyring: Keyring, *, size: int = 20_000, randomness: Randomness = os.urandom) -> None:
        self._keyring = keyring
        self._size = size
        self._randomness = randomness
        self._known: OrderedDict[bytes, Cipher] = OrderedDict()

    def of(self, session_id: str, purpose: Purpose, sealed: bytes | None) -> Cipher:
        """The cipher of a sealed data key.

        Raises:
            EncryptionError: the data key was destroyed, or cannot be unsealed.
        """
        if sealed is None:
            raise EncryptionError(f"the session's {purpose} key was destroyed")
        cipher = self._known.get(sealed)
        if cipher is None:
            key = self._keyring.unseal(sealed, place(session_id, purpose))
            cipher = self._known[sealed] = Cipher(session_id, key, self._randomness)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(sealed)
        return cipher


def fingerprint_of(sealed: bytes) -> bytes:
    """Which key has sealed it: what names that key."""
    return sealed[1 : 1 + _FINGERPRINT_BYTES]


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"fingerprint\0" + key).digest()[:_FINGERPRINT_BYTES]


def _derived(key: bytes, salt: bytes) -> bytes:
    return hmac.digest(key, b"seal\0" + salt, "sha256")


def _check_format(value: bytes, header: int) -> None:
    if value[:1] != _FORMAT or len(value) < header:
        raise Tampered("a stored value has an unknown format")


def _decrypt(aead: AESGCM, nonce: bytes, ciphertext: bytes, where: bytes) -> bytes:
    try:
        return aead.decrypt(nonce, ciphertext, where)
    except InvalidTag as error:
        raise Tampered("a stored value does not authenticate: it was changed, or belongs to another place") from error
