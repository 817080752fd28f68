"""Signatures as Standard Webhooks has them: HMAC-SHA256 over id, timestamp and body. Pure.

Its libraries verify them (https://www.standardwebhooks.com). While a secret is being changed each of several signs.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
_LEAST: Final = 24  # bytes, as the specification has it
_MOST: Final = 64


def read_secret(text: str) -> bytes:
    """``whsec_…`` → the key.

    Raises:
        ValueError: it is none.
    """
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise ValueError(
            f"must be {PREFIX} and base64 of {_LEAST} to {_MOST} bytes: echo {PREFIX}$(openssl rand -base64 32)"
        )
    return key


def signed(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of one attempt; without a secret there is no signature.

    Args:
        secrets: the keys.
        message_id: the same at each attempt.
        timestamp: seconds since 1970 of this attempt: receivers refuse old ones.
        body: as it is sent.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        content = f"{message_id}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)
    return headers


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
