"""Whether a person's assertion answers what WhatsApp asked, before anything of it leaves. Pure.

The signature is WhatsApp's to check: it has the public key. What else it would refuse is refused here, with the field.
"""

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final, cast

from schemas.errors import PasskeyInvalid

ORIGIN: Final = "https://web.whatsapp.com"
MAX_ASSERTION: Final = 16_384
"""Bytes as JSON."""
_AT: Final = "data.assertion"
_AUTHENTICATOR_MIN: Final = 37
_RP_ID_HASH: Final = 32
_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04
_CREDENTIAL_MAX: Final = 1_023  # WebAuthn's own limit


def check_assertion(assertion: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """See the module.

    Args:
        assertion: `PublicKeyCredential.toJSON()`.
        options: the request options that it is to answer.

    Raises:
        PasskeyInvalid: it does not, with the field.
    """
    _check_size(assertion)
    credential = _bytes(assertion, "rawId")
    _require(0 < len(credential) <= _CREDENTIAL_MAX, "rawId", "must be the id of a credential")
    _require(assertion.get("id") == assertion["rawId"], "id", "must be the same as rawId")
    _require(assertion.get("type") == "public-key", "type", "must be public-key")
    _require(_is_allowed(assertion["rawId"], options), "rawId", "is none of the credentials that were asked for")
    response = assertion.get("response")
    _require(isinstance(response, dict), "response", "must be an object")
    response = cast("dict[str, Any]", response)
    _require(bool(_bytes(response, "signature", "response.")), "response.signature", "must not be empty")
    if response.get("userHandle") is not None:
        _bytes(response, "userHandle", "response.")
    _check_client(_bytes(response, "clientDataJSON", "response."), options)
    _check_authenticator(_bytes(response, "authenticatorData", "response."), options)


def _check_client(content: bytes, options: Mapping[str, Any]) -> None:
    at = "response.clientDataJSON"
    try:
        read: object = json.loads(content)
    except (ValueError, RecursionError):
        read = None
    _require(isinstance(read, dict), at, "must be a JSON object")
    client = cast("dict[str, Any]", read)
    _require(client.get("type") == "webauthn.get", at, "must be of type webauthn.get")
    _require(client.get("challenge") == options.get("challenge"), at, "must hold the challenge of this request")
    _require(client.get("origin") == ORIGIN, at, f"must be made on {ORIGIN}")


def _check_authenticator(content: bytes, options: Mapping[str, Any]) -> None:
    at = "response.authenticatorData"
    _require(len(content) >= _AUTHENTICATOR_MIN, at, "is too short")
    rp_id = str(options.get("rpId", ""))
    is_for_it = content[:_RP_ID_HASH] == hashlib.sha256(rp_id.encode()).digest()
    _require(is_for_it, at, "must be for the rpId of the request")
    flags = content[_RP_ID_HASH]
    _require(bool(flags & _USER_PRESENT), at, "must say that the user was present")
    is_verified = bool(flags & _USER_VERIFIED) or options.get("userVerification") != "required"
    _require(is_verified, at, "must say that the user was verified")


def _check_size(assertion: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(assertion, separators=(",", ":")))
    except (ValueError, RecursionError):
        size = MAX_ASSERTION + 1
    _require(size <= MAX_ASSERTION, "", f"must not be larger than {MAX_ASSERTION} bytes")


def _is_allowed(credential_id: str, options: Mapping[str, Any]) -> bool:
    allowed = cast("list[object]", options.get("allowCredentials") or [])
    ids = [cast("dict[str, object]", each).get("id") for each in allowed if isinstance(each, dict)]
    return not allowed or credential_id in ids


def _bytes(holder: Mapping[str, Any], name: str, before: str = "") -> bytes:
    value = holder.get(name)
    try:
        _require(isinstance(value, str) and "=" not in value, before + name, "must be base64url without padding")
        text = str(value).encode("ascii")
        return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise PasskeyInvalid(f"{_AT}.{before}{name}", "must be base64url without padding") from error


def _require(fulfilled: bool, field: str, problem: str) -> None:  # noqa: FBT001 - reads as the sentence it is
    if not fulfilled:
        raise PasskeyInvalid(f"{_AT}.{field}" if field else _AT, problem)
