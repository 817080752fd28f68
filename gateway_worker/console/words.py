"""What things are called on the pages: states, ages, sizes. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from schemas.events.sessions import SessionState
from schemas.results import LedgerState

STATES: Final[Mapping[SessionState, tuple[str, str]]] = {
    SessionState.WAITING_FOR_CAPACITY: ("waiting for room", "wait"),
    SessionState.CONNECTING: ("connecting", "wait"),
    SessionState.QR_REQUIRED: ("scan the code", "ask"),
    SessionState.CODE_REQUIRED: ("type the code", "ask"),
    SessionState.PASSKEY_REQUIRED: ("passkey", "ask"),
    SessionState.PASSKEY_CONFIRM: ("compare the code", "ask"),
    SessionState.CONNECTED: ("connected", "good"),
    SessionState.DISCONNECTED: ("disconnected", "wait"),
    SessionState.LOGGED_OUT: ("logged out", "off"),
    SessionState.RESTRICTED: ("restricted", "bad"),
    SessionState.FAILED: ("failed", "bad"),
    SessionState.DELETED: ("deleted", "off"),
}
"""State → its words, and the tone in which they are shown."""

TICKS: Final[Mapping[LedgerState, tuple[str, str]]] = {
    LedgerState.PENDING: ("◷", "waiting to be sent"),
    LedgerState.RECEIVED: ("", "received"),
    LedgerState.SENT: ("✓", "sent"),
    LedgerState.DELIVERED: ("✓✓", "delivered"),
    LedgerState.READ: ("✓✓", "read"),
    LedgerState.PLAYED: ("✓✓", "played"),
    LedgerState.FAILED: ("!", "failed"),
}
"""How far a message is → its mark, and what that says."""

_UNITS: Final = ("B", "kB", "MB", "GB")
_THOUSAND: Final = 1000
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def state_word(state: SessionState) -> str:
    """What a state is called."""
    return STATES[state][0]


def state_tone(state: SessionState) -> str:
    """good, wait, ask, off or bad."""
    return STATES[state][1]


def size_word(size: int | None) -> str:
    """``1.4 MB``."""
    if size is None:
        return ""
    value, unit = float(size), 0
    while value >= _THOUSAND and unit < len(_UNITS) - 1:
        value, unit = value / _THOUSAND, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def age_word(moment: datetime, now: datetime) -> str:
    """``4 min``: how long ago."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < _DAY else f"{seconds // _DAY} d"


def instant(moment: datetime) -> str:
    """As programs read it: RFC 3339 in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
