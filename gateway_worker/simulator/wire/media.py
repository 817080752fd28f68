"""Media as it lies on WhatsApp's hosts: AES-256-CBC with a truncated HMAC behind it, keys from a media key.

The message carries the media key, the hash of the plaintext, the hash of the encrypted blob, and where that lies. Also
the answer to a companion that asks its phone to upload a blob again.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.ciphers import decrypt_cbc, encrypt_cbc
from gateway_worker.simulator.wire.curve import hkdf
from gateway_worker.simulator.wire.errors import MalformedMessage, MediaError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import MediaRetryNotification, ServerErrorReceipt

MediaKind = Literal["Image", "Video", "Audio", "Document", "History", "App State"]
"""What the keys are derived for; a sticker is an `Image`, a voice note an `Audio`."""

KEY_SIZE = 32
_MAC_SIZE = 10
_RETRY_INFO = b"WhatsApp Media Retry Notification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An encrypted blob and the hashes that its message carries."""

    blob: bytes
    sha256: bytes
    """Of the plaintext."""
    blob_sha256: bytes


def _keys(media_key: bytes, kind: MediaKind) -> tuple[bytes, bytes, bytes]:
    """IV, cipher key and MAC key."""
    keys = hkdf(media_key, 112, info=f"WhatsApp {kind} Keys".encode())
    return keys[:16], keys[16:48], keys[48:80]


def seal(plaintext: bytes, *, media_key: bytes, kind: MediaKind) -> Sealed:
    """Encrypts a file under a media key (32 bytes)."""
    iv, cipher_key, mac_key = _keys(media_key, kind)
    ciphertext = encrypt_cbc(cipher_key, iv, plaintext)
    blob = ciphertext + hmac.digest(mac_key, iv + ciphertext, "sha256")[:_MAC_SIZE]
    return Sealed(blob=blob, sha256=hashlib.sha256(plaintext).digest(), blob_sha256=hashlib.sha256(blob).digest())


def unseal(blob: bytes, *, media_key: bytes, kind: MediaKind, sha256: bytes, blob_sha256: bytes) -> bytes:
    """The file. `MediaError` unless both hashes and the MAC are right."""
    if hashlib.sha256(blob).digest() != blob_sha256:
        raise MediaError("the blob is not the one that the message names")
    if len(media_key) != KEY_SIZE or len(blob) <= _MAC_SIZE:
        raise MediaError("no media key, or no blob")
    iv, cipher_key, mac_key = _keys(media_key, kind)
    ciphertext, mac = blob[:-_MAC_SIZE], blob[-_MAC_SIZE:]
    if not hmac.compare_digest(hmac.digest(mac_key, iv + ciphertext, "sha256")[:_MAC_SIZE], mac):
        raise MediaError("the blob does not authenticate: another key, or another kind of media")
    try:
        plaintext = decrypt_cbc(cipher_key, iv, ciphertext)
    except MalformedMessage as error:
        raise MediaError("the blob does not decrypt") from error
    if hashlib.sha256(plaintext).digest() != sha256:
        raise MediaError("the file is not the one that the message names")
    return plaintext


def read_retry_request(ciphertext: bytes, *, media_key: bytes, iv: bytes, message_id: str) -> None:
    """A companion asks for a new upload; `MediaError` unless it proves that it has the message."""
    try:
        opened = AESGCM(_retry_key(media_key)).decrypt(iv, ciphertext, message_id.encode())
        asked = ServerErrorReceipt.FromString(opened)
    except (InvalidTag, DecodeError, ValueError) as error:
        raise MediaError("not a request for media that this phone knows") from error
    if asked.stanzaId != message_id:
        raise MediaError("a request for another message")


def retry_answer(*, direct_path: str, media_key: bytes, iv: bytes, message_id: str) -> bytes:
    """What a phone answers once it has uploaded again; `iv` is 12 fresh bytes."""
    result = MediaRetryNotification.ResultType.SUCCESS
    answer = MediaRetryNotification(stanzaId=message_id, directPath=direct_path, result=result)
    return AESGCM(_retry_key(media_key)).encrypt(iv, answer.SerializeToString(), message_id.encode())


def _retry_key(media_key: bytes) -> bytes:
    return hkdf(media_key, 32, info=_RETRY_INFO)
