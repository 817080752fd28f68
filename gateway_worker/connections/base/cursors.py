"""Places in a list that is read from the newest on: a time, and a name where several have it. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROS: Final = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def cursor_of(at: datetime, name: str) -> str:
    """The place behind what has this time and this name: microseconds since 1970, and the name."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{name}"


def place_of(cursor: str | None, now: datetime) -> tuple[datetime, str]:
    """The place a cursor names; without one, behind everything (another worker's clock may be ahead of ours)."""
    if cursor is None:
        return now + timedelta(days=1), ""
    micros, _, name = cursor.partition(".")
    return _EPOCH + timedelta(microseconds=min(int(micros), _LAST_MICROS)), name
