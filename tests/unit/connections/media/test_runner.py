"""Who fetches the files of a worker's sessions: in turn, a few at a time, whatever goes wrong with one of them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from gateway_worker.connections.base.media_ports import Bucket, Downloads
from gateway_worker.connections.media.runner import AT_ONCE, PER_SESSION, MediaRunner
from gateway_worker.store.errors import StaleEpoch, StoreError, StoreUnavailable
from gateway_worker.store.operations.media import NewMedia
from gateway_worker.store.records import MediaRecord, MediaState
from schemas.names import MessageId, SessionId
from tests.support.connections.fake_media import FakeMedia, FakeMediaBucket, FakeMediaHost
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual

ANNA, BERT = SessionId("anna"), SessionId("bert")
SECONDS = 10.0  # that a file takes


@dataclass
class Hall:
    """A runner, and what its sessions' files went through."""

    rows: FakeMedia = field(default_factory=FakeMedia)
    begun: list[MessageId] = field(default_factory=list[MessageId])
    under_way: list[SessionId] = field(default_factory=list[SessionId])
    most: int = 0
    most_of_one: int = 0
    runner: MediaRunner = field(init=False)

    def __post_init__(self) -> None:
        bucket, now = FakeMediaBucket(), VirtualClock().now
        self.runner = MediaRunner(rows=self.rows, downloads=FakeMediaHost(), bucket=bucket, now=now)

    def give(self, session_id: SessionId, *names: str, in_seconds: float = 0) -> None:
        for name in names:
            self.rows.put(session_id, MessageId(name), NewMedia(state=MediaState.PENDING, object=name, value={}))
            self.rows.next_tries[MessageId(name)] = EPOCH + timedelta(seconds=in_seconds)

    def adopt(self, *session_ids: SessionId, trouble: Exception | None = None) -> None:
        for each in session_ids:
            self.runner.adopt(Owner(self, each, trouble))

    async def passes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Owner:
    """A session whose files take `SECONDS`, or end in trouble at once."""

    hall: Hall
    session_id: SessionId
    trouble: Exception | None

    async def carry_out(self, record: MediaRecord, downloads: Downloads, bucket: Bucket) -> None:  # noqa: ARG002 (the port's)
        hall = self.hall
        hall.begun.append(record.message_id)
        if self.trouble is not None:
            raise self.trouble
        hall.under_way.append(self.session_id)
        hall.most = max(hall.most, len(hall.under_way))
        hall.most_of_one = max(hall.most_of_one, hall.under_way.count(self.session_id))
        try:
            await asyncio.sleep(SECONDS)
            del hall.rows.rows[record.message_id]
        finally:
            hall.under_way.remove(self.session_id)


@asynccontextmanager
async def running(hall: Hall) -> AsyncGenerator[Hall]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(hall.runner.run())
        yield hall
        task.cancel()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


@virtual
async def test_each_session_has_its_turn_however_much_another_has() -> None:
    async with running(Hall()) as hall:
        sessions = [SessionId(f"s{number}") for number in range(4)]
        hall.give(ANNA, *names("a", 50))
        hall.adopt(ANNA)
        await hall.passes(1)
        for each in sessions:
            hall.give(each, f"{each}-0", f"{each}-1")
        hall.adopt(*sessions)
        await hall.passes(2 * SECONDS + 1)
        others = [each for each in hall.begun if not each.startswith("a")]
        assert len(others) == 8, "all of theirs began within two rounds, long before the fifty were done"


@virtual
async def test_no_more_are_fetched_at_once_than_the_worker_and_a_session_may() -> None:
    async with running(Hall()) as hall:
        for number in range(5):
            session_id = SessionId(f"s{number}")
            hall.give(session_id, *names(session_id, 5))
            hall.adopt(session_id)
        await hall.passes(300)
        assert (hall.most, hall.most_of_one, len(hall.begun)) == (AT_ONCE, PER_SESSION, 25)
        assert hall.rows.rows == {}


@virtual
async def test_a_file_is_fetched_when_it_is_due_and_not_before() -> None:
    async with running(Hall()) as hall:
        hall.give(ANNA, "later", in_seconds=100)
        hall.adopt(ANNA)
        await hall.passes(99)
        assert hall.begun == []
        await hall.passes(2)
        assert hall.begun == ["later"]


@virtual
async def test_nothing_is_asked_of_the_database_while_nothing_is_due() -> None:
    async with running(Hall()) as hall:
        hall.adopt(ANNA, BERT)
        await hall.passes(3600)
        assert len(hall.rows.looks) == 2


@virtual
async def test_a_database_that_is_away_is_asked_again_and_takes_nobody_with_it() -> None:
    async with running(Hall()) as hall:
        hall.give(ANNA, "a")
        hall.rows.failures[ANNA] = StoreUnavailable()
        hall.adopt(ANNA)
        await hall.passes(60)
        assert 10 <= len(hall.rows.looks) <= 15
        hall.rows.failures.clear()
        await hall.passes(6)
        assert hall.begun == ["a"]


@virtual
async def test_rows_that_cannot_be_read_hold_up_no_other_session_and_are_looked_at_now_and_then() -> None:
    async with running(Hall()) as hall:
        hall.give(BERT, *names("b", 3))
        hall.rows.failures[ANNA] = StoreError("tampered with")
        hall.adopt(ANNA, BERT)
        await hall.passes(3600)
        assert len(hall.begun) == 3
        assert len([each for each, _ in hall.rows.looks if each == ANNA]) <= 13


@virtual
async def test_a_file_whose_fate_cannot_be_written_is_set_aside_until_the_session_is_here_anew() -> None:
    async with running(Hall()) as hall:
        hall.give(ANNA, "a")
        hall.give(BERT, "b")
        hall.adopt(ANNA, trouble=ValueError("a fault of ours"))
        hall.adopt(BERT)
        await hall.passes(3600)
        assert sorted(hall.begun) == ["a", "b"], "once, instead of every few seconds"
        await hall.runner.let_go(ANNA)
        hall.adopt(ANNA)
        await hall.passes(SECONDS + 1)
        assert hall.rows.rows == {}


@virtual
async def test_a_session_that_another_worker_owns_is_looked_at_no_more() -> None:
    async with running(Hall()) as hall:
        hall.give(ANNA, *names("a", 3))
        hall.adopt(ANNA, trouble=StaleEpoch())
        await hall.passes(3600)
        assert len(hall.begun) <= PER_SESSION


@virtual
async def test_letting_a_session_go_ends_what_is_under_way_and_leaves_it_pending() -> None:
    async with running(Hall()) as hall:
        hall.give(ANNA, "a")
        hall.give(BERT, "b")
        hall.adopt(ANNA, BERT)
        await hall.passes(1)
        await hall.runner.let_go(ANNA)
        assert hall.under_way == [BERT]
        hall.runner.arrived(ANNA)
        await hall.passes(3600)
        assert list(hall.rows.rows) == ["a"]


@virtual
async def test_a_runner_that_is_stopped_leaves_nothing_running() -> None:
    hall = Hall()
    async with running(hall):
        hall.give(ANNA, "a")
        hall.adopt(ANNA)
        await hall.passes(1)
    assert (hall.under_way, list(hall.rows.rows)) == ([], ["a"])
