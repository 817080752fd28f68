"""WebAuthn assertions, both sides: a software authenticator that signs, and the check of what one has signed.

The check is python-fido2's (`Fido2Server.authenticate_complete`); what it refuses is then named, so that a test can
tell which rule it broke. Assertions are `PublicKeyCredential.toJSON()`: JSON, binary values as base64url.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fido2.cose import ES256
from fido2.server import Fido2Server
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from gateway_worker.simulator.wire.errors import CeremonyError

RP_ID = "whatsapp.com"
ORIGIN = "https://web.whatsapp.com"
TYPE = "webauthn.get"
CHALLENGE_SIZE = 32
CREDENTIAL_SIZE = 16
MAX_ASSERTION = 16 << 10
"""Bytes of an assertion as JSON."""
_FLAGS = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.BE | AuthenticatorData.FLAG.BS
_COUNTER = bytes(4)
"""Passkeys that are synced between devices do not count their signatures."""
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""
_SCALAR_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A discoverable credential for `whatsapp.com`, with its private key."""

    credential_id: bytes
    user_handle: bytes
    scalar: bytes
    """The private key: 32 bytes, big-endian, on P-256."""

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key."""
        return ec.derive_private_key(int.from_bytes(self.scalar), ec.SECP256R1())

    @property
    def pkcs8(self) -> bytes:
        """The private key as other authenticators take it (DevTools' virtual ones too): PKCS #8, DER."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def new_passkey(random: bytes) -> Passkey:
    """A passkey from 80 random bytes."""
    scalar = 1 + int.from_bytes(random[:_SCALAR_SIZE]) % (_ORDER - 1)
    return Passkey(
        credential_id=random[_SCALAR_SIZE : _SCALAR_SIZE + CREDENTIAL_SIZE],
        user_handle=random[-_SCALAR_SIZE:],
        scalar=scalar.to_bytes(_SCALAR_SIZE),
    )


PASSKEY_RANDOM = _SCALAR_SIZE + CREDENTIAL_SIZE + _SCALAR_SIZE
"""How many random bytes `new_passkey` takes."""


def request_options(challenge: bytes, timeout: float) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptions` as WhatsApp writes them; `timeout` in seconds."""
    return {
        "challenge": encode(challenge),
        "timeout": int(timeout * 1000),
        "rpId": RP_ID,
        "allowCredentials": [],
        "userVerification": "required",
        "extensions": {"uvm": True},
    }


# --- the authenticator, and the browser around it


def sign(
    passkey: Passkey, options: Mapping[str, Any], *, origin: str = ORIGIN, verified: bool = True
) -> dict[str, Any]:
    """What a browser hands back after the person has unlocked the passkey on a page of `origin`.

    `CeremonyError` if the options are for another site, or allow only other credentials.
    """
    rp_id, challenge = options.get("rpId"), options.get("challenge")
    if rp_id != RP_ID or not isinstance(challenge, str):
        raise CeremonyError("rpId")
    allowed = [_allowed_id(each) for each in cast("list[object]", options.get("allowCredentials") or [])]
    if allowed and passkey.credential_id not in allowed:
        raise CeremonyError("credential")
    client = {"type": TYPE, "challenge": challenge, "origin": origin, "crossOrigin": False}
    client_data = json.dumps(client, separators=(",", ":")).encode()
    flags = _FLAGS if verified else _FLAGS & ~AuthenticatorData.FLAG.UV
    authenticator_data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + _COUNTER
    signed = authenticator_data + hashlib.sha256(client_data).digest()
    return {
        "id": encode(passkey.credential_id),
        "rawId": encode(passkey.credential_id),
        "type": "public-key",
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(authenticator_data),
            "signature": encode(passkey.key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": encode(passkey.user_handle),
        },
    }


def _allowed_id(described: object) -> bytes:
    identifier = cast("dict[str, object]", described).get("id") if isinstance(described, dict) else None
    return decode(identifier) if isinstance(identifier, str) else b""


# --- the server


def check_assertion(content: bytes, passkey: Passkey, *, challenge: bytes, credential_id: bytes) -> None:
    """`CeremonyError`, with its cause, unless `content` (JSON) is this passkey's word on this challenge.

    Causes: `assertion` (not one at all), `credential`, `userHandle`, `type`, `challenge`, `origin`, `rpId`,
    `userPresence`, `userVerification`, `signature`.
    """
    assertion = _parsed(content)
    response = cast("dict[str, str]", assertion["response"])
    if (
        not credential_id == passkey.credential_id == decode(assertion["rawId"])
        or assertion["id"] != assertion["rawId"]
    ):
        raise CeremonyError("credential")
    if decode(response["userHandle"]) != passkey.user_handle:
        raise CeremonyError("userHandle")
    server = Fido2Server(PublicKeyCredentialRpEntity(name="WhatsApp", id=RP_ID), verify_origin=lambda o: o == ORIGIN)
    state = {"challenge": encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}
    public = ES256.from_cryptography_key(passkey.key.public_key())
    credential = AttestedCredentialData.create(Aaguid.NONE, passkey.credential_id, public)
    try:
        server.authenticate_complete(state, [credential], assertion)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CeremonyError(_broken_rule(response, challenge)) from error


def _broken_rule(response: Mapping[str, str], challenge: bytes) -> str:
    """The first rule that a refused assertion breaks."""
    try:
        client = CollectedClientData(decode(response["clientDataJSON"]))
        authenticator = AuthenticatorData(decode(response["authenticatorData"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return "assertion"
    rules = (
        ("type", client.type == TYPE),
        ("challenge", client.challenge == challenge),
        ("origin", client.origin == ORIGIN),
        ("rpId", authenticator.rp_id_hash == hashlib.sha256(RP_ID.encode()).digest()),
        ("userPresence", authenticator.is_user_present()),
        ("userVerification", authenticator.is_user_verified()),
    )
    return next((cause for cause, kept in rules if not kept), "signature")


def _parsed(content: bytes) -> dict[str, Any]:
    """An assertion whose fields are all there, as base64url without padding; anything else is `assertion`."""
    if len(content) > MAX_ASSERTION:
        raise CeremonyError("assertion")
    try:
        assertion: dict[str, Any] = json.loads(content)
        response: dict[str, Any] = assertion["response"]
        fields = [assertion["id"], assertion["rawId"], *(response[name] for name in _RESPONSE)]
        client: dict[str, Any] = json.loads(decode(response["clientDataJSON"]))
        texts = [*fields, client["type"], client["challenge"], client["origin"]]
        readable = assertion["type"] == "public-key" and all(isinstance(text, str) for text in texts)
        readable = readable and all(encode(decode(str(field))) == field for field in fields)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CeremonyError("assertion") from error
    if not readable:
        raise CeremonyError("assertion")
    return assertion


_RESPONSE = ("clientDataJSON", "authenticatorData", "signature", "userHandle")


def encode(content: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The reverse; `ValueError` for what is not base64url."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
