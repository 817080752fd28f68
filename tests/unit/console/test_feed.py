"""The feed: what is kept, what is passed on, and when a listener is told that something is missing."""

from datetime import UTC, datetime
from typing import Any

from gateway_worker.client.events import Event
from gateway_worker.console.watch.feed import BEHIND, Feed, Listener, Received
from schemas.envelope import Envelope

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def event(session: str, sequence: int | None, **data: Any) -> Event:
    name = f"{session}-{sequence}-{data}"
    return Event(
        Envelope(
            id=name[:200], source="/t", type="call.received.v1", subject=session, sequence=sequence, data=dict(data)
        )
    )


async def received_by(listener: Listener) -> list[int | None]:
    """What it heard, once it has ended."""
    return [each.sequence async for each in listener]


def numbers(received: Any) -> list[int | None] | None:
    return None if received is None else [each.sequence for each in received]


def test_what_came_since_is_known_as_long_as_it_is_kept() -> None:
    feed = Feed()
    for number in range(5, 9):
        feed.take(event("ana", number), NOW)
    feed.take(event("ana", None), NOW)
    assert numbers(feed.since("ana", 6)) == [7, 8]
    assert numbers(feed.since("ana", 8)) == []
    assert numbers(feed.since("ana", 4)) == [5, 6, 7, 8]
    assert feed.since("ana", 3) is None  # 4 was before we listened
    assert feed.since("ana", 9) is None  # we have not heard that far
    assert feed.since("ben", 0) is None


async def test_a_listener_hears_its_session_alone_and_a_hole_ends_it() -> None:
    feed = Feed()
    with feed.listen("ana") as ana, feed.listen("ben") as ben:
        feed.take(event("ana", 1), NOW)
        feed.take(event("ben", 1), NOW)
        feed.take(event("ana", None), NOW)
        feed.take(event("ana", 4), NOW)
        feed.take(event("ana", 5), NOW)
        ben.end()
        assert await received_by(ana) == [1, None]
        assert await received_by(ben) == [1]
    assert numbers(feed.of("ana")) == [4, 5]


async def test_a_replay_is_no_hole_and_is_kept_once() -> None:
    feed = Feed()
    with feed.listen("ana") as listener:
        for number in (1, 2, 3, 1, 2, 3, 4):
            feed.take(event("ana", number), NOW)
        listener.end()
        assert await received_by(listener) == [1, 2, 3, 1, 2, 3, 4]
    assert numbers(feed.of("ana")) == [1, 2, 3, 4]


async def test_a_listener_that_is_too_far_behind_is_ended() -> None:
    feed = Feed()
    with feed.listen("ana") as listener:
        for number in range(1, BEHIND + 10):
            feed.take(event("ana", number), NOW)
        assert len(await received_by(listener)) == BEHIND


def test_what_is_kept_is_bounded_over_all_sessions() -> None:
    feed = Feed(most_bytes=50_000)
    for number in range(1, 101):
        for session in ("ana", "ben", "cleo"):
            feed.take(event(session, number, text="x" * 1_000), NOW)
    kept: list[Received] = [each for session in ("ana", "ben", "cleo") for each in feed.of(session)]
    assert 0 < sum(len(each.text) for each in kept) <= 50_000
    for session in ("ana", "ben", "cleo"):
        numbers_of = [each.sequence or 0 for each in feed.of(session)]
        assert numbers_of == list(range(numbers_of[0], 101))
