"""Times that strangers' phones tell. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

_OLDEST: Final = datetime(2009, 1, 1, tzinfo=UTC)  # WhatsApp's first year
_AHEAD: Final = timedelta(days=1)  # clocks may differ, not by more


def instant(timestamp: int, now: datetime) -> datetime:
    """WhatsApp's time in Unix seconds, or ours where theirs makes no sense (it comes from strangers' phones)."""
    latest = now + _AHEAD
    sane = _OLDEST.timestamp() <= timestamp <= latest.timestamp()
    return datetime.fromtimestamp(timestamp, UTC) if sane else now
