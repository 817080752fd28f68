"""Assertions for tests of what checks them: right ones, and ones with something changed."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

OPTIONS: dict[str, Any] = {
    "challenge": "kS3c8J0p1Vt1mXbW6f3q0w",
    "timeout": 600_000,
    "rpId": "whatsapp.com",
    "allowCredentials": [],
    "userVerification": "required",
}


def encoded(content: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def client_data(**changes: object) -> str:
    """`clientDataJSON` that answers `OPTIONS`, but for `changes`."""
    said = {"type": "webauthn.get", "challenge": OPTIONS["challenge"], "origin": "https://web.whatsapp.com", **changes}
    return encoded(json.dumps(said).encode())


def authenticator_data(*, rp_id: str = "whatsapp.com", flags: int = 0x1D) -> str:
    """`authenticatorData` of a passkey whose user was verified."""
    return encoded(hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + bytes(4))


def assertion(*, response: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An assertion that answers `OPTIONS`, but for what is changed. Its signature is none."""
    answered = {
        "clientDataJSON": client_data(),
        "authenticatorData": authenticator_data(),
        "signature": encoded(b"signature"),
        "userHandle": encoded(b"user"),
        **(response or {}),
    }
    credential = encoded(bytes(range(16)))
    return {"id": credential, "rawId": credential, "type": "public-key", "response": answered, **changes}
