"""Which stretches of time want a partition. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

AHEAD: Final = timedelta(days=2)  # made this long before they are needed: so long may an hourly chore fail
_BEHIND: Final = timedelta(days=1)  # for the rows of a worker whose clock is late


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `since` up to, not including, `until`; both are midnights in UTC."""

    since: datetime
    until: datetime


def missing(made: Iterable[Span], *, now: datetime, days: int) -> Sequence[Span]:
    """Spans to be added, so that everything written from yesterday until two days from now has one.

    Args:
        made: what there is. It may have gaps, or end long ago.
        now: aware.
        days: how long a new span is, where the next one leaves room.
    """
    made = sorted(made)
    wanted: list[Span] = []
    reached = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - _BEHIND
    while reached <= now + AHEAD:
        span = next((each for each in made if each.since <= reached < each.until), None)
        if span is None:
            room = min((each.since for each in made if each.since > reached), default=datetime.max.replace(tzinfo=UTC))
            span = Span(reached, min(reached + timedelta(days=days), room))
            wanted.append(span)
        reached = span.until
    return wanted
