"""Order per session at a target, on virtual time: what holds one session up holds up no other, and nothing piles up."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway_worker.client import Event
from gateway_worker.webhooks.jobs import EventJob
from gateway_worker.webhooks.lines import LONGEST, Lines
from schemas.envelope import Envelope
from tests.support.connections.virtual_time import EPOCH, virtual

Stuck = set[tuple[str, int]]


def job(session: str, number: int, done: list[tuple[str, int]], *, repeated: bool = False) -> EventJob:
    async def ack() -> None:
        done.append((session, number))

    envelope = Envelope(id=f"{session}-{number}", source="/s", type="message.received.v1", subject=session)
    return EventJob(event=Event(envelope), since=EPOCH, ack=ack, is_repeated=repeated)


def number_of(each: EventJob) -> int:
    return int(each.event.id.rpartition("-")[2])


@dataclass(slots=True)
class FakeParking:
    queues: dict[str, list[EventJob | None]] = field(
        default_factory=lambda: defaultdict[str, list[EventJob | None]](list)
    )
    removed: list[str] = field(default_factory=list[str])

    async def exists(self, line: str) -> bool:
        return line in self.queues

    async def park(self, line: str, job: EventJob) -> None:
        await asyncio.sleep(0.001)
        self.queues[line].append(job)

    async def first(self, line: str) -> EventJob | None:
        await asyncio.sleep(0.001)
        queue = self.queues[line]
        if None not in queue:
            queue.append(None)  # the end, as far as it is known now
        if (first := queue[0]) is None:
            queue.pop(0)
            return None

        async def ack() -> None:
            queue.pop(0)

        return EventJob(event=first.event, since=first.since, ack=ack)

    async def remove(self, line: str) -> None:
        assert not self.queues[line]
        del self.queues[line]
        self.removed.append(line)


@dataclass(slots=True)
class FakeTarget:
    """Takes events; those that are `stuck` are refused every second until somebody frees them."""

    stuck: Stuck = field(default_factory=set[tuple[str, int]])
    delivered: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    is_away: bool = False

    async def back(self) -> None:
        """At once: nothing is parked while it is away."""

    async def deliver(self, job: EventJob, trouble: Callable[[], None]) -> None:
        key = job.event.subject or "", number_of(job)
        while key in self.stuck or self.is_away:
            if not self.is_away:
                trouble()
            await asyncio.sleep(1.0)
        self.delivered.append(key)


@virtual
async def test_events_of_a_session_are_told_one_after_the_other_and_acknowledged_after_it() -> None:
    target, done = FakeTarget(), list[tuple[str, int]]()
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, FakeParking(), group)
        for number in range(20):
            lines.put(job("A", number, done))
    assert target.delivered == done == [("A", number) for number in range(20)]


@virtual
async def test_a_session_that_is_stuck_is_parked_and_holds_up_nobody() -> None:
    target, parking, done = FakeTarget(stuck={("A", 0)}), FakeParking(), list[tuple[str, int]]()
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, parking, group)
        for number in range(100):
            lines.put(job("A", number, done))
            lines.put(job("B", number, done))
            await asyncio.sleep(0.1)
        assert [each for each in target.delivered if each[0] == "B"] == [("B", number) for number in range(100)]
        assert ("A", 0) not in done  # the first one stays in hand: it is the sign that others are parked
        assert lines.in_hand <= LONGEST
        assert lines.parked == 1
        target.stuck.clear()
        await asyncio.sleep(1.5)
        for number in range(100, 110):
            lines.put(job("A", number, done))
    assert [each for each in target.delivered if each[0] == "A"] == [("A", number) for number in range(110)]
    assert sorted(done) == sorted([*(("A", n) for n in range(110)), *(("B", n) for n in range(100))])
    assert parking.removed == ["session.A"]
    assert not parking.queues


@virtual
async def test_a_parked_event_that_is_refused_itself_holds_its_order_too() -> None:
    target, parking, done = FakeTarget(stuck={("A", 0), ("A", 20)}), FakeParking(), list[tuple[str, int]]()
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, parking, group)
        for number in range(40):
            lines.put(job("A", number, done))
            await asyncio.sleep(0.1)
        target.stuck.discard(("A", 0))
        await asyncio.sleep(5)
        assert target.delivered[-1] == ("A", 19)
        lines.put(job("A", 40, done))
        await asyncio.sleep(5)
        target.stuck.clear()
    assert target.delivered == [("A", number) for number in range(41)]


@virtual
async def test_a_target_that_is_away_parks_nobody() -> None:
    target, parking, done = FakeTarget(is_away=True), FakeParking(), list[tuple[str, int]]()
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, parking, group)
        for number in range(50):
            lines.put(job("A", number, done))
        await asyncio.sleep(600)
        assert lines.in_hand == 50
        assert not parking.queues
        target.is_away = False
    assert target.delivered == [("A", number) for number in range(50)]


@virtual
async def test_after_a_crash_the_first_one_says_that_others_are_parked() -> None:
    target, parking, done = FakeTarget(), FakeParking(), list[tuple[str, int]]()
    parking.queues["session.A"] = [job("A", number, done) for number in range(1, 5)]
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, parking, group)
        lines.put(job("A", 0, done, repeated=True))
        lines.put(job("A", 5, done))
    assert target.delivered == [("A", number) for number in range(6)]
    assert not parking.queues


@virtual
async def test_what_is_parked_behind_an_end_that_was_marked_is_told_too() -> None:
    target, parking, done = FakeTarget(stuck={("A", 0), ("A", 11)}), FakeParking(), list[tuple[str, int]]()
    async with asyncio.TaskGroup() as group:
        lines = Lines(target.deliver, target, parking, group)
        for number in range(12):
            lines.put(job("A", number, done))
        await asyncio.sleep(5)
        target.stuck.discard(("A", 0))
        await asyncio.sleep(5)  # the last one is in hand, and behind it the end is marked
        for number in range(12, 20):
            lines.put(job("A", number, done))
        await asyncio.sleep(5)  # all of them are parked
        target.stuck.clear()
    assert target.delivered == [("A", number) for number in range(20)]
    assert not parking.queues
