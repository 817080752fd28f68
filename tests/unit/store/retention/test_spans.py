"""Which partitions are missing."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store.retention.spans import AHEAD, Span, missing

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def day(number: int) -> datetime:
    """Midnight, so many days from today."""
    return MIDNIGHT + timedelta(days=number)


def test_at_first_yesterday_and_the_days_to_come_are_missing() -> None:
    assert missing([], now=NOON, days=1) == [Span(day(n), day(n + 1)) for n in range(-1, 3)]
    assert missing([], now=NOON, days=7) == [Span(day(-1), day(6))]


def test_what_is_there_is_not_made_again() -> None:
    assert missing([Span(day(-1), day(6))], now=NOON, days=7) == []
    assert missing([Span(day(-1), day(2))], now=NOON, days=7) == [Span(day(2), day(9))]


def test_a_worker_that_was_off_for_weeks_leaves_the_weeks_between_out() -> None:
    assert missing([Span(day(-30), day(-23))], now=NOON, days=7) == [Span(day(-1), day(6))]


def test_another_width_goes_on_where_the_old_one_ends() -> None:
    assert missing([Span(day(-5), day(1)), Span(day(2), day(3))], now=NOON, days=7) == [Span(day(1), day(2))]


SPANS = st.lists(st.integers(-20, 20), min_size=2, max_size=8, unique=True).map(
    lambda days: [
        Span(day(since), day(until)) for since, until in zip(sorted(days)[::2], sorted(days)[1::2], strict=False)
    ]
)


@given(made=SPANS, days=st.integers(1, 40), shift=st.integers(-500, 500))
def test_the_days_around_now_are_covered_and_nothing_overlaps(made: list[Span], days: int, shift: int) -> None:
    now = NOON + timedelta(hours=shift)
    spans = sorted([*made, *missing(made, now=now, days=days)])
    assert all(one.until <= two.since for one, two in pairwise(spans))
    for hours in range(-24, AHEAD // timedelta(hours=1) + 1):
        time = now + timedelta(hours=hours)
        assert any(span.since <= time < span.until for span in spans)
