"""Pairing by an 8-character code instead of a QR code: the cryptography of both sides.

`companion_hello` carries the companion's ephemeral key, wrapped with the code; `primary_hello` carries the phone's,
wrapped with the same code; `companion_finish` a bundle under the key both agree on, from which each derives the ADV
secret. Then pairing goes on as with a QR code. Wrapping costs about 50 ms of CPU (PBKDF2).
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway_worker.simulator.wire.ciphers import apply_ctr
from gateway_worker.simulator.wire.curve import KEY_SIZE, KeyPair, hkdf
from gateway_worker.simulator.wire.errors import BadKey, PairingError

_ROUNDS = 131_072
_SALT_SIZE = 32
_CTR_IV_SIZE = 16
_GCM_IV_SIZE = 12
WRAPPED_SIZE = _SALT_SIZE + _CTR_IV_SIZE + KEY_SIZE
_BUNDLE_INFO = b"link_code_pairing_key_bundle_encryption_key"
_SECRET_INFO = b"adv_secret"


def wrap_ephemeral(public: bytes, *, code: str, salt: bytes, iv: bytes) -> bytes:
    """An ephemeral key (32 bytes) under the code, with a fresh salt (32 bytes) and IV (16 bytes): 80 bytes."""
    return salt + iv + apply_ctr(_code_key(code, salt), iv, public)


def unwrap_ephemeral(wrapped: bytes, *, code: str) -> bytes:
    """The reverse. A wrong code gives a wrong key, which shows when the bundle is opened."""
    if len(wrapped) != WRAPPED_SIZE:
        raise PairingError("a wrapped key of the wrong size")
    salt, rest = wrapped[:_SALT_SIZE], wrapped[_SALT_SIZE:]
    return apply_ctr(_code_key(code, salt), rest[:_CTR_IV_SIZE], rest[_CTR_IV_SIZE:])


def _code_key(code: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", code.encode(), salt, _ROUNDS, KEY_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBundle:
    """What the phone learns from `companion_finish`."""

    companion_identity: bytes
    adv_secret: bytes


def open_bundle(
    bundle: bytes, *, account: KeyPair, ephemeral: KeyPair, companion_ephemeral: bytes, companion_identity: bytes
) -> OpenedBundle:
    """The phone's side: `PairingError` if the bundle was not made with our code and for this account."""
    shared = _agree(ephemeral, companion_ephemeral)
    salt, iv = bundle[:_SALT_SIZE], bundle[_SALT_SIZE : _SALT_SIZE + _GCM_IV_SIZE]
    try:
        opened = AESGCM(_bundle_key(shared, salt)).decrypt(iv, bundle[_SALT_SIZE + _GCM_IV_SIZE :], b"")
    except (InvalidTag, ValueError) as error:
        raise PairingError("the code was wrong, or the bundle was altered") from error
    if len(opened) != 3 * KEY_SIZE:
        raise PairingError("a key bundle of the wrong size")
    if opened[:KEY_SIZE] != companion_identity or opened[KEY_SIZE : 2 * KEY_SIZE] != account.public:
        raise PairingError("the key bundle is for other identities")
    identity_shared = _agree(account, companion_identity)
    return OpenedBundle(
        companion_identity=companion_identity,
        adv_secret=hkdf(shared + identity_shared + opened[2 * KEY_SIZE :], KEY_SIZE, info=_SECRET_INFO),
    )


def seal_bundle(
    *,
    identity: KeyPair,
    ephemeral: KeyPair,
    account_public: bytes,
    account_ephemeral: bytes,
    random: bytes,
    salt: bytes,
    iv: bytes,
) -> tuple[bytes, bytes]:
    """The companion's side: the bundle and the ADV secret. `random` and `salt` are 32 fresh bytes each, `iv` 12."""
    shared = _agree(ephemeral, account_ephemeral)
    sealed = AESGCM(_bundle_key(shared, salt)).encrypt(iv, identity.public + account_public + random, b"")
    secret = hkdf(shared + _agree(identity, account_public) + random, KEY_SIZE, info=_SECRET_INFO)
    return salt + iv + sealed, secret


def _bundle_key(shared: bytes, salt: bytes) -> bytes:
    return hkdf(shared, KEY_SIZE, salt=salt, info=_BUNDLE_INFO)


def _agree(own: KeyPair, public: bytes) -> bytes:
    try:
        return own.agree(public)
    except BadKey as error:
        raise PairingError("not a usable key") from error
