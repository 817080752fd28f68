"""What the relay tells, in which order, and what it does when the broker, the store or the lease is gone."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from gateway_worker.broker.errors import BrokerLost, PublishRefused, Unroutable
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.events.backlog import MAX_HELD
from gateway_worker.events.relay import ORPHANED, PAGE, SWEEP_SECONDS, WINDOW, Relay
from gateway_worker.store.records import OutboxEvent
from schemas.names import SessionId
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual
from tests.support.events import Counts
from tests.support.lease import TestLease
from tests.support.store.outbox import MemoryOutbox

ANNA, BEN = SessionId("anna"), SessionId("ben")
SOON = 0.01  # virtual seconds: everything that waits for no timer has happened


@dataclass(eq=False)
class Broker:
    """Takes what is published, through one pipe after the other. `answer` says what becomes of a message."""

    keeps_waiting: bool = False
    answer: Callable[[str], Exception | None] = lambda _: None
    arrived: list[str] = field(default_factory=list[str])
    pipes: "list[FakePipe]" = field(default_factory=list["FakePipe"])

    async def pipe(self) -> "FakePipe":
        self.pipes.append(FakePipe(self))
        return self.pipes[-1]

    def durable_event(self, event: OutboxEvent) -> Outgoing:
        return Outgoing(exchange="events", routing_key=event.session_id, body=b"{}", message_id=event.event_id)

    def settle_all(self) -> None:
        """Answer all that waits, and from now on at once."""
        self.keeps_waiting = False
        for name in list(self.pipes[-1].waiting):
            self.pipes[-1].settle(name)

    def breaks(self) -> None:
        """The pipe; what waited is lost. The next one works."""
        self.keeps_waiting = False
        self.pipes[-1].breaks()


@dataclass(eq=False)
class FakePipe:
    broker: Broker
    waiting: dict[str, "asyncio.Future[None]"] = field(default_factory=dict[str, "asyncio.Future[None]"])
    is_broken: bool = False

    def submit(self, message: Outgoing) -> "asyncio.Future[None]":
        name = message.message_id
        assert name is not None
        assert name not in self.waiting
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_broken:
            answer.set_exception(BrokerLost("broken"))
            return answer
        self.broker.arrived.append(name)
        self.waiting[name] = answer
        if not self.broker.keeps_waiting:
            self.settle(name)
        return answer

    def settle(self, name: str) -> None:
        error = self.broker.answer(name)
        answer = self.waiting.pop(name)
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    def breaks(self) -> None:
        self.is_broken = True
        for answer in self.waiting.values():
            answer.set_exception(BrokerLost("broken"))
        self.waiting.clear()

    async def settled(self) -> None:
        while self.waiting:
            await asyncio.wait(set(self.waiting.values()))

    async def close(self) -> None:
        assert not self.waiting


@dataclass(kw_only=True)
class Scene:
    outbox: MemoryOutbox
    broker: Broker
    lease: TestLease
    counts: Counts
    relay: Relay
    running: "asyncio.Task[None]"


@asynccontextmanager
async def relaying(
    outbox: MemoryOutbox | None = None, *, keeps_unroutable: bool = True, lease: TestLease | None = None
) -> AsyncGenerator[Scene]:
    outbox, broker, lease, counts = outbox or MemoryOutbox(), Broker(), lease or TestLease(), Counts()
    relay = Relay(
        outbox,
        broker,
        namespace="gateway",
        clock=VirtualClock(),
        lease=lease,
        keeps_unroutable=keeps_unroutable,
        observer=counts,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run())
        try:
            yield Scene(outbox=outbox, broker=broker, lease=lease, counts=counts, relay=relay, running=running)
        finally:
            await relay.stop()


def names(session: str, first: int, last: int) -> list[str]:
    return [f"{session}-{number}" for number in range(first, last + 1)]


@virtual
async def test_what_is_committed_goes_out_in_order_and_is_marked_before_it_counts_as_flushed() -> None:
    async with relaying() as scene:
        scene.outbox.commit("anna", 3)
        assert scene.relay.backlog == 3
        await scene.relay.flushed(ANNA)
        assert scene.outbox.published == {(ANNA, 1), (ANNA, 2), (ANNA, 3)}
        assert (scene.broker.arrived, scene.relay.backlog) == (names("anna", 1, 3), 0)
        assert (scene.counts.published, scene.counts.repeated, scene.counts.refused) == (3, 0, 0)
        assert scene.outbox.reads == [(None, 0)], "of a session known from its beginning nothing is read"


@virtual
async def test_whoever_waits_for_a_session_waits_for_its_marks_too() -> None:
    async with relaying() as scene:
        for number in range(1, 4):  # marks gather: the second comes while the marker rests
            scene.outbox.commit("anna")
            await scene.relay.flushed(ANNA)
            assert (ANNA, number) in scene.outbox.published


@virtual
async def test_no_more_than_a_window_is_under_way() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", WINDOW + 10)
        await asyncio.sleep(SOON)
        assert len(scene.broker.arrived) == WINDOW
        scene.broker.pipes[0].settle("anna-1")
        await asyncio.sleep(SOON)
        assert len(scene.broker.arrived) == WINDOW + 1
        scene.broker.settle_all()
        await scene.relay.all_flushed()
    assert scene.broker.arrived == names("anna", 1, WINDOW + 10)


@virtual
async def test_what_a_broken_pipe_did_not_confirm_goes_first_through_the_next_one() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", 3)
        await asyncio.sleep(SOON)
        scene.broker.pipes[0].settle("anna-1")
        scene.outbox.commit("ben", 1)
        scene.broker.breaks()
        scene.outbox.commit("anna", 1)
        await scene.relay.all_flushed()
        assert scene.broker.arrived == [*names("anna", 1, 3), "anna-2", "anna-3", "ben-1", "anna-4"]
        assert (len(scene.broker.pipes), scene.counts.published) == (2, 5)


@virtual
async def test_a_session_whose_event_is_refused_waits_longer_each_time_and_holds_up_nobody() -> None:
    async with relaying() as scene:
        refused_at = list[float]()

        def refuse(name: str) -> Exception | None:
            if name != "anna-1" or len(refused_at) == 3:
                return None
            refused_at.append(VirtualClock().monotonic())
            return PublishRefused("full")

        scene.broker.answer = refuse
        scene.outbox.commit("anna")
        await asyncio.sleep(SOON)
        scene.outbox.commit("anna", 2)
        scene.outbox.commit("ben", 2)
        await scene.relay.flushed(BEN)
        assert scene.broker.arrived == ["anna-1", "ben-1", "ben-2"]
        await scene.relay.flushed(ANNA)
        assert scene.broker.arrived[3:] == [*["anna-1"] * 3, "anna-2", "anna-3"], "alone, until it is taken"
        first, second, third = refused_at
        assert 0 < second - first < third - second
        assert len(scene.broker.pipes) == 1, "a queue that is full is no reason for another pipe"
        assert scene.counts.refused == 3


@virtual
async def test_the_pauses_of_a_session_begin_anew_once_an_event_of_it_was_taken() -> None:
    async with relaying() as scene:
        refuse_next = [True]
        scene.broker.answer = lambda _: PublishRefused("full") if refuse_next.pop() else None
        pauses = list[float]()
        for _ in range(4):
            refuse_next[:] = [False, True]  # from the end: refused, then taken
            began = VirtualClock().monotonic()
            scene.outbox.commit("anna")
            await scene.relay.flushed(ANNA)
            pauses.append(VirtualClock().monotonic() - began)
        assert max(pauses) < 1.0, "four times the first pause, not one longer than the other"


@virtual
async def test_an_event_that_no_queue_takes_waits_for_one_through_a_pipe_that_declares_anew() -> None:
    async with relaying() as scene:
        scene.broker.answer = lambda _: Unroutable("nobody") if len(scene.broker.pipes) == 1 else None
        scene.outbox.commit("anna", 2)
        await scene.relay.flushed(ANNA)
        assert len(scene.broker.pipes) == 2
        assert scene.broker.arrived[-2:] == names("anna", 1, 2)


@virtual
async def test_where_no_queue_is_wanted_an_event_that_none_takes_counts_as_published() -> None:
    async with relaying(keeps_unroutable=False) as scene:
        scene.broker.answer = lambda _: Unroutable("nobody")
        scene.outbox.commit("anna", 2)
        await scene.relay.flushed(ANNA)
        assert (scene.broker.arrived, scene.counts.published, scene.counts.refused) == (names("anna", 1, 2), 2, 0)


@virtual
async def test_without_its_lease_it_tells_nothing_and_then_only_what_is_still_its_own() -> None:
    async with relaying() as scene:
        scene.outbox.commit("anna")
        scene.outbox.commit("ben")
        await scene.relay.all_flushed()
        scene.lease.lose()
        scene.outbox.commit("anna", 2)
        scene.outbox.commit("ben", 2)
        await asyncio.sleep(60)
        assert scene.broker.arrived == ["anna-1", "ben-1"]
        scene.outbox.taken.add(BEN)
        scene.lease.take()
        await scene.relay.all_flushed()
        assert scene.broker.arrived == ["anna-1", "ben-1", "anna-2", "anna-3"]
        assert scene.relay.backlog == 0


@virtual
async def test_a_lease_that_ran_out_and_runs_again_is_noticed_although_it_permits() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", 2)
        await asyncio.sleep(SOON)
        scene.relay.fence()
        scene.outbox.taken.add(ANNA)
        scene.broker.breaks()
        await scene.relay.all_flushed()
        assert (scene.broker.arrived, len(scene.broker.pipes)) == (["anna-1", "anna-2"], 2)


@virtual
async def test_what_is_confirmed_as_the_pipe_breaks_is_not_told_again() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", 2)
        await asyncio.sleep(SOON)
        scene.relay.fence()  # in one turn of the loop with what follows
        scene.broker.pipes[0].settle("anna-1")
        scene.broker.breaks()
        await scene.relay.flushed(ANNA)
        assert scene.broker.arrived == ["anna-1", "anna-2", "anna-2"]
        assert (scene.relay.backlog, scene.counts.published, scene.counts.repeated) == (0, 2, 1)


@virtual
async def test_of_a_session_that_was_let_go_nothing_more_is_told_and_nobody_waits_for_it() -> None:
    lease = TestLease()
    lease.lose()
    async with relaying(lease=lease) as scene:
        scene.outbox.commit("anna", 2)
        scene.outbox.commit("ben")
        waiting = asyncio.create_task(scene.relay.flushed(ANNA))
        await asyncio.sleep(SOON)
        scene.relay.let_go(ANNA)
        await waiting
        scene.outbox.taken.add(ANNA)
        lease.take()
        await scene.relay.flushed(BEN)
        assert scene.broker.arrived == ["ben-1"]


@virtual
async def test_what_was_not_announced_is_read_page_by_page() -> None:
    outbox = MemoryOutbox()
    outbox.commit("anna", 2 * PAGE + 5, announced=False)
    async with relaying(outbox) as scene:
        outbox.commit("anna")
        await scene.relay.flushed(ANNA)
        assert scene.broker.arrived == names("anna", 1, 2 * PAGE + 6)
        assert [after for session, after in outbox.reads if session == ANNA] == [0, PAGE, 2 * PAGE]


@virtual
async def test_a_session_that_was_read_is_read_again_when_a_commit_was_not_told() -> None:
    async with relaying() as scene:
        for number in range(2, 7, 2):
            scene.outbox.commit("anna", announced=False)
            scene.outbox.commit("anna")
            await scene.relay.flushed(ANNA)
            assert scene.broker.arrived == names("anna", 1, number)


@virtual
async def test_what_is_confirmed_and_not_marked_yet_is_not_read_and_told_again() -> None:
    async with relaying() as scene:
        scene.outbox.commit("anna")
        await scene.relay.flushed(ANNA)
        scene.outbox.commit("anna")
        await asyncio.sleep(SOON)
        assert (ANNA, 2) not in scene.outbox.published, "the marker rests"
        scene.relay.let_go(ANNA)
        scene.outbox.commit("anna")
        await scene.relay.flushed(ANNA)
        assert scene.broker.arrived == names("anna", 1, 3)


class SlowOutbox(MemoryOutbox):
    """What it reads it gives when it may."""

    may_answer: asyncio.Event

    async def pending(self, session_id: SessionId | None, after: int, limit: int) -> Sequence[OutboxEvent]:
        found = await super().pending(session_id, after, limit)
        await self.may_answer.wait()
        return found


@virtual
async def test_what_was_read_of_a_session_that_is_let_go_meanwhile_is_not_told() -> None:
    outbox = SlowOutbox()
    outbox.may_answer = asyncio.Event()
    outbox.commit("anna", 2, announced=False)
    async with relaying(outbox) as scene:
        outbox.commit("anna")
        await asyncio.sleep(SOON)
        assert (ANNA, 0) in outbox.reads
        scene.relay.let_go(ANNA)
        outbox.taken.add(ANNA)
        outbox.may_answer.set()
        await asyncio.sleep(SOON)
        assert scene.broker.arrived == []


@virtual
async def test_a_store_that_is_away_is_asked_again() -> None:
    outbox = MemoryOutbox(away=True)
    outbox.commit("anna", 3, announced=False)
    async with relaying(outbox) as scene:
        outbox.commit("anna")
        await asyncio.sleep(5)
        assert scene.broker.arrived == []
        outbox.away = False
        await scene.relay.flushed(ANNA)
        assert scene.broker.arrived == names("anna", 1, 4)


@virtual
async def test_no_more_is_read_than_there_is_room_for() -> None:
    outbox = MemoryOutbox()
    outbox.commit("anna", MAX_HELD + 3 * PAGE, announced=False)
    async with relaying(outbox) as scene:
        scene.broker.keeps_waiting = True
        waiting = asyncio.create_task(scene.relay.flushed(ANNA))
        await asyncio.sleep(5)
        assert scene.relay.backlog == MAX_HELD
        scene.broker.settle_all()
        await waiting
        assert scene.counts.published == MAX_HELD + 3 * PAGE


@virtual
async def test_what_nobody_publishes_is_found_once_it_is_old_enough() -> None:
    outbox = MemoryOutbox()
    outbox.commit("anna", 2, announced=False, time=EPOCH - ORPHANED + timedelta(seconds=SWEEP_SECONDS / 2))
    async with relaying(outbox) as scene:
        await asyncio.sleep(SOON)
        assert scene.broker.arrived == [], "whoever committed it may still tell it"
        await asyncio.sleep(SWEEP_SECONDS)
        assert scene.broker.arrived == names("anna", 1, 2)


@virtual
async def test_what_waits_for_its_confirm_is_no_orphan_however_old() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", time=EPOCH - 2 * ORPHANED)
        await asyncio.sleep(3 * SWEEP_SECONDS)
        assert {session for session, _ in scene.outbox.reads} == {None}
        scene.broker.settle_all()


@virtual
async def test_it_looks_for_orphans_again_after_the_store_was_away() -> None:
    outbox = MemoryOutbox(away=True)
    outbox.commit("anna", 1, announced=False, time=EPOCH - 2 * ORPHANED)
    async with relaying(outbox) as scene:
        await asyncio.sleep(SOON)
        outbox.away = False
        await asyncio.sleep(SWEEP_SECONDS)
        assert scene.broker.arrived == ["anna-1"]


@virtual
async def test_it_stops_when_the_last_confirms_are_there_and_marked() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna", 2)
        await asyncio.sleep(SOON)
        await scene.relay.stop()
        scene.outbox.commit("anna")
        await asyncio.sleep(1)
        assert not scene.running.done()
        scene.broker.settle_all()
        await scene.running
        assert scene.outbox.published == {(ANNA, 1), (ANNA, 2)}
        assert scene.broker.arrived == names("anna", 1, 2), "nothing new is begun"


@virtual
async def test_it_stops_also_when_confirms_do_not_come() -> None:
    async with relaying() as scene:
        scene.broker.keeps_waiting = True
        scene.outbox.commit("anna")
        await asyncio.sleep(SOON)
        await scene.relay.stop()
        await scene.running
        assert scene.outbox.published == set()
