"""The bodies of control requests, read strictly: a wrong field is an error that names it. Pure."""

import base64
import re
from collections.abc import Mapping
from typing import Any, TypeGuard, cast

from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.world.jids import LID_SERVER, PN_SERVER, STATUS, device_jid, parse_jid, parse_phone

MAX_TEXT = 1_024
"""Characters of a short field."""
MAX_MENTIONS = 256

_REQUIRED = object()
_GROUP = re.compile(r"[0-9-]{1,40}@g\.us\Z")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")


class Body:
    """A JSON object; each method takes one field, `done` refuses what is left over."""

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, dict):
            raise Invalid("request.invalid", "the body must be a JSON object")
        self._fields = dict(cast("dict[str, Any]", fields))

    def done(self) -> None:
        """`Invalid` if a field was not taken: a typo must not pass for a default."""
        if self._fields:
            raise Invalid("request.invalid", f"unknown field {next(iter(self._fields))!r}")

    def _take(self, name: str, default: Any) -> Any:
        value = self._fields.pop(name, None)
        if value is None:
            if default is _REQUIRED:
                raise Invalid("request.invalid", f"{name} is missing")
            return default
        return value

    def text(self, name: str, default: Any = _REQUIRED, *, limit: int = MAX_TEXT, empty: bool = False) -> str:
        """A text, which may be `empty` only if that is said."""
        value = self._take(name, default)
        if value is not default and not (is_text(value) and (empty or value) and len(value) <= limit):
            raise Invalid("request.invalid", f"{name} must be a text of {0 if empty else 1} to {limit} characters")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of non-empty texts; empty if it is missing."""
        values = self._take(name, [])
        listed = cast("list[object]", values) if isinstance(values, list) else None
        if (
            listed is None
            or len(listed) > MAX_MENTIONS
            or not all(is_text(v) and 0 < len(v) <= MAX_TEXT for v in listed)
        ):
            raise Invalid("request.invalid", f"{name} must be a list of at most {MAX_MENTIONS} texts")
        return cast("list[str]", listed)

    def raw(self, name: str) -> object:
        """A field as it is, for who checks it himself; None if it is missing."""
        return self._take(name, None)

    def flag(self, name: str) -> bool:
        """True or false; false if it is missing."""
        value = self._take(name, default=False)
        if not isinstance(value, bool):
            raise Invalid("request.invalid", f"{name} must be true or false")
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number (also one written as text) between `low` and `high`; None if it is missing."""
        value = self._take(name, None)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:20])
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high):
            raise Invalid("request.invalid", f"{name} must be a whole number from {low} to {high}")
        return value

    def seconds(self, name: str, high: float) -> float | None:
        """Seconds between 0 and `high`, also written as text; None if it is missing."""
        value = self._take(name, None)
        if value is None:
            return None
        if isinstance(value, str) and _DECIMAL.match(value):
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= high:
            raise Invalid("request.invalid", f"{name} must be seconds from 0 to {high:g}")
        return float(value)

    def phone(self, name: str, default: Any = _REQUIRED) -> str:
        """The digits of an E.164 number."""
        value = self._take(name, default)
        if value is default:
            return value
        phone = parse_phone(value) if isinstance(value, str) else None
        if phone is None:
            raise Invalid("phone.invalid", f"{name} must be an E.164 number")
        return phone

    def address(self, name: str) -> str:
        """A bare JID, from an E.164 number or a user's JID."""
        return address(self._take(name, _REQUIRED), name)

    def chat(self, name: str) -> str:
        """The JID of a group or of status updates, or a person's as in `address`."""
        value = self._take(name, _REQUIRED)
        return value if isinstance(value, str) and (_GROUP.match(value) or value == STATUS) else address(value, name)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object."""
        return self._mapping(name, self._take(name, _REQUIRED))

    def mapping_or_none(self, name: str) -> Mapping[str, Any] | None:
        """An object; None if it is missing."""
        value = self._take(name, None)
        return None if value is None else self._mapping(name, value)

    @staticmethod
    def _mapping(name: str, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise Invalid("request.invalid", f"{name} must be an object")
        return cast("Mapping[str, Any]", value)

    def addresses(self, name: str) -> list[str]:
        """A list of bare JIDs; empty if it is missing."""
        values = self._take(name, None)
        if values is None:
            return []
        listed = cast("list[object]", values) if isinstance(values, list) else None
        if listed is None or len(listed) > MAX_MENTIONS:
            raise Invalid("request.invalid", f"{name} must be a list of at most {MAX_MENTIONS}")
        return [address(value, name) for value in listed]


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that can be written as UTF-8: JSON may hold lone surrogates."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_base64(value: object, name: str) -> bytes:
    """The bytes of a base64 text; `Invalid` for anything else."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError as error:
        raise Invalid("request.invalid", f"{name} must be base64") from error


def address(value: object, name: str) -> str:
    """A bare JID, from an E.164 number or a user's JID; `Invalid` for anything else."""
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        if phone := parse_phone(value):
            return device_jid(phone, 0, PN_SERVER)
        jid = parse_jid(value)
        if jid.server in (PN_SERVER, LID_SERVER) and jid.user.isascii() and jid.user.isdigit():
            return jid.bare
    raise Invalid("request.invalid", f"{name} must be an E.164 number or the JID of a user")
