"""Faults that a test orders: which there are, whom they hit, when, and how often. The README has the table. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong."""

    DROP = "drop"
    STREAM_ERROR = "stream_error"
    NACK = "nack"
    DELAY = "delay"
    MUTE = "mute"
    MUTE_RECEIPTS = "mute_receipts"
    REDELIVER = "redeliver"
    MEDIA_403 = "media_403"
    MEDIA_UPLOAD = "media_upload"
    MEDIA_SLOW = "media_slow"
    MEDIA_LOST = "media_lost"
    REJECT_LOGIN = "reject_login"
    MUTE_QUERY = "mute_query"
    REFUSE_QUERY = "refuse_query"
    REFUSE_ADD = "refuse_add"
    MUTE_ACKS = "mute_acks"
    BAD_PREKEYS = "bad_prekeys"
    FORGED_PAIRING = "forged_pairing"
    PASSKEY_REFUSED = "passkey_refused"
    PASSKEY_UNANSWERED = "passkey_unanswered"
    PASSKEY_LATE = "passkey_late"
    PASSKEY_BAD_NONCE = "passkey_bad_nonce"
    PASSKEY_TWICE = "passkey_twice"
    PASSKEY_WITHOUT_OPTIONS = "passkey_without_options"


DEFAULT_CODES = {
    FaultKind.STREAM_ERROR: 503,
    FaultKind.NACK: 463,
    FaultKind.REJECT_LOGIN: 503,
    FaultKind.MEDIA_403: 403,
    FaultKind.MEDIA_UPLOAD: 500,
    FaultKind.REFUSE_QUERY: 500,
    FaultKind.REFUSE_ADD: 403,
    FaultKind.PASSKEY_REFUSED: 403,
}
_MEDIA = {FaultKind.MEDIA_403, FaultKind.MEDIA_UPLOAD, FaultKind.MEDIA_LOST}
_LASTING = {FaultKind.DELAY, FaultKind.MUTE, FaultKind.MUTE_RECEIPTS, FaultKind.MEDIA_SLOW}
CONDITIONS = frozenset({*_LASTING, FaultKind.REFUSE_ADD, FaultKind.MUTE_ACKS, FaultKind.BAD_PREKEYS, *_MEDIA})
"""Faults that last until they are cleared when no `count` is given; the others strike once."""
_OF_GROUPS = {FaultKind.MUTE_QUERY, FaultKind.REFUSE_QUERY, FaultKind.REFUSE_ADD, FaultKind.MUTE_ACKS}
STARTS_LATER = frozenset({FaultKind.MUTE, FaultKind.MUTE_RECEIPTS, FaultKind.REJECT_LOGIN, *_MEDIA, *_OF_GROUPS})
"""Faults for which `after` is the time from the order to the first strike; for others it is how late each strike is."""
DEFAULT_AFTER = {FaultKind.DELAY: 3.0, FaultKind.MEDIA_SLOW: 10.0, FaultKind.PASSKEY_LATE: 3.0}


@dataclass(slots=True, kw_only=True)
class Fault:
    """An ordered fault."""

    id: str
    kind: FaultKind
    phone: str | None
    """Whom it hits (E.164 digits); None: everybody."""
    code: int
    after: float
    """Seconds; see `STARTS_LATER`."""
    remaining: int | None
    """How often it will still strike; None: until it is cleared."""
    starts: float
    """When it begins, in seconds since the epoch."""
    ends: float | None = None
    """When it is over, whatever remains."""
    at_login: bool = False
    """Only `redeliver`: the messages come again after the next login, in the offline queue."""
    struck: int = 0

    def to_json(self) -> dict[str, object]:
        """As `GET /faults` shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "phone": f"+{self.phone}" if self.phone else None,
            "code": self.code or None,
            "after": self.after,
            "remaining": self.remaining,
            "seconds": None if self.ends is None else self.ends - self.starts,
            "atLogin": self.at_login,
            "struck": self.struck,
        }
