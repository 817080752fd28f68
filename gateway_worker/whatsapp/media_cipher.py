"""Files as they lie at WhatsApp: AES-256-CBC, and ten bytes of an HMAC behind it. Pure, piece by piece."""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

from gateway_worker.whatsapp.remote_files import RemoteFile

_MAC_BYTES: Final = 10
_BLOCK: Final = 16
_KEYS_BYTES: Final = 112


class FileDamaged(ValueError):  # noqa: N818 (reads as the fact it is)
    """What lies there is not the file that the message tells of. Its text is the reason."""


def encrypted_size(size: int) -> int:
    """How many bytes a file of `size` has as it lies there."""
    return (size // _BLOCK + 1) * _BLOCK + _MAC_BYTES


class Opening:
    """Decrypts one file. What `feed` gives is not authenticated before `finish` has returned."""

    def __init__(self, file: RemoteFile) -> None:
        keys = HKDF(SHA256(), _KEYS_BYTES, None, file.key_class.purpose).derive(file.media_key)
        iv, cipher_key, mac_key = keys[:16], keys[16:48], keys[48:80]
        self._file = file
        self._decryptor = Cipher(AES(cipher_key), CBC(iv)).decryptor()
        self._unpadder = PKCS7(_BLOCK * 8).unpadder()
        self._mac = hmac.new(mac_key, iv, "sha256")
        self._encrypted = hashlib.sha256()
        self._plain = hashlib.sha256()
        self._held = b""  # the last bytes so far, which may be the MAC
        self.size = 0
        """Bytes of the file so far."""

    @property
    def sha256(self) -> str:
        """Of the file so far, in hexadecimal."""
        return self._plain.hexdigest()

    def feed(self, piece: bytes) -> bytes:
        """Some of what lies there; answers some of the file."""
        self._encrypted.update(piece)
        together = self._held + piece
        ciphertext, self._held = together[:-_MAC_BYTES], together[-_MAC_BYTES:]
        self._mac.update(ciphertext)
        return self._note(self._unpadder.update(self._decryptor.update(ciphertext)))

    def finish(self) -> bytes:
        """The rest of the file.

        Raises:
            FileDamaged: a hash or the MAC is another. Its length says nothing: phones tell 0, or that of another file.
        """
        file = self._file
        if file.encrypted_sha256 is not None and self._encrypted.digest() != file.encrypted_sha256:
            raise FileDamaged("encrypted_hash")
        if not hmac.compare_digest(self._mac.digest()[:_MAC_BYTES], self._held):
            raise FileDamaged("mac")
        try:
            rest = self._unpadder.update(self._decryptor.finalize()) + self._unpadder.finalize()
        except ValueError as error:
            raise FileDamaged("padding") from error
        rest = self._note(rest)
        if file.sha256 is not None and self._plain.digest() != file.sha256:
            raise FileDamaged("hash")
        return rest

    def _note(self, plaintext: bytes) -> bytes:
        self._plain.update(plaintext)
        self.size += len(plaintext)
        return plaintext
