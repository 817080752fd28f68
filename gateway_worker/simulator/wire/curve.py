"""Curve25519 as WhatsApp uses it: X25519 agreement, XEdDSA signatures, HKDF-SHA256. Keys are 32 raw bytes."""

from typing import Self

import xeddsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway_worker.simulator.wire.errors import BadKey

KEY_SIZE = 32
SIGNATURE_SIZE = 64
KEY_TYPE = b"\x05"
"""Signal's mark of a Curve25519 key; it stands before the key inside Signal messages and signed prekeys."""

_SIGN_BIT = 0x80


class KeyPair:
    """A Curve25519 key pair that agrees and signs. `private` and `public` are 32 raw bytes."""

    __slots__ = ("_key", "_signing", "private", "public")

    def __init__(self, key: X25519PrivateKey) -> None:
        self._key = key
        self.private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._signing: bytes | None = None

    @classmethod
    def generate(cls) -> Self:
        """A fresh pair from the operating system's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_private(cls, private: bytes) -> Self:
        """The pair of a stored private key of 32 bytes."""
        return cls(X25519PrivateKey.from_private_bytes(private))

    def agree(self, public: bytes) -> bytes:
        """The X25519 secret shared with `public`; `BadKey` if that is no usable key."""
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:
            raise BadKey("not a usable Curve25519 public key") from error

    def sign(self, message: bytes) -> bytes:
        """An XEdDSA signature of 64 bytes, with the sign bit in its last byte as libsignal's verification expects."""
        if self._signing is None:
            # The Edwards form with sign bit 0, so that the bit which libsignal reads from the signature is right as 0.
            self._signing = xeddsa.priv_force_sign(self.private, set_sign_bit=False)
        return xeddsa.ed25519_priv_sign(self._signing, message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (XEdDSA, 64 bytes) is `public`'s over `message`. Any malformed input is simply not valid."""
    if len(public) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    sign_bit = bool(signature[-1] & _SIGN_BIT)
    plain = signature[:-1] + bytes([signature[-1] & ~_SIGN_BIT & 0xFF])
    return xeddsa.ed25519_verify(plain, xeddsa.curve25519_pub_to_ed25519_pub(public, sign_bit), message)


def hkdf(secret: bytes, length: int, *, salt: bytes = b"", info: bytes = b"") -> bytes:
    """HKDF-SHA256 (RFC 5869); an empty salt means 32 zero bytes."""
    return HKDF(SHA256(), length, salt or None, info).derive(secret)
