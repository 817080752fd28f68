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
class Environment:
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

    environment: Environment
    session_id: SessionId
    trouble: Exception | None

    async def carry_out(self, record: MediaRecord, downloads: Downloads, bucket: Bucket) -> None:  # noqa: ARG002 (the port's)
        environment = self.environment
        environment.begun.append(record.message_id)
        if self.trouble is not None:
            raise self.trouble
        environment.under_way.append(self.session_id)
        environment.most = max(environment.most, len(environment.under_way))
        environment.most_of_one = max(environment.most_of_one, environment.under_way.count(self.session_id))
        try:
            await asyncio.sleep(SECONDS)
            del environment.rows.rows[record.message_id]
        finally:
            environment.under_way.remove(self.session_id)


@asynccontextmanager
async def running(environment: Environment) -> AsyncGenerator[Environment]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(environment.runner.run())
        yield environment
        task.cancel()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


@virtual
async def test_each_session_has_its_turn_however_much_another_has() -> None:
    async with running(Environment()) as environment:
        sessions = [SessionId(f"s{number}") for number in range(4)]
        environment.give(ANNA, *names("a", 50))
        environment.adopt(ANNA)
        await environment.passes(1)
        for each in sessions:
            environment.give(each, f"{each}-0", f"{each}-1")
        environment.adopt(*sessions)
        await environment.passes(2 * SECONDS + 1)
        others = [each for each in environment.begun if not each.startswith("a")]
        assert len(others) == 8, "all of theirs began within two rounds, long before the fifty were done"


@virtual
async def test_no_more_are_fetched_at_once_than_the_worker_and_a_session_may() -> None:
    async with running(Environment()) as environment:
        for number in range(5):
            session_id = SessionId(f"s{number}")
            environment.give(session_id, *names(session_id, 5))
            environment.adopt(session_id)
        await environment.passes(300)
        assert (environment.most, environment.most_of_one, len(environment.begun)) == (AT_ONCE, PER_SESSION, 25)
        assert environment.rows.rows == {}


@virtual
async def test_a_file_is_fetched_when_it_is_due_and_not_before() -> None:
    async with running(Environment()) as environment:
        environment.give(ANNA, "later", in_seconds=100)
        environment.adopt(ANNA)
        await environment.passes(99)
        assert environment.begun == []
        await environment.passes(2)
        assert environment.begun == ["later"]


@virtual
async def test_nothing_is_asked_of_the_database_while_nothing_is_due() -> None:
    async with running(Environment()) as environment:
        environment.adopt(ANNA, BERT)
        await environment.passes(3600)
        assert len(environment.rows.looks) == 2


@virtual
async def test_a_database_that_is_away_is_asked_again_and_takes_nobody_with_it() -> None:
    async with running(Environment()) as environment:
        environment.give(ANNA, "a")
        environment.rows.failures[ANNA] = StoreUnavailable()
        environment.adopt(ANNA)
        await environment.passes(60)
        assert 10 <= len(environment.rows.looks) <= 15
        environment.rows.failures.clear()
        await environment.passes(6)
        assert environment.begun == ["a"]


@virtual
async def test_rows_that_cannot_be_read_hold_up_no_other_session_and_are_looked_at_now_and_then() -> None:
    async with running(Environment()) as environment:
        environment.give(BERT, *names("b", 3))
        environment.rows.failures[ANNA] = StoreError("tampered with")
        environment.adopt(ANNA, BERT)
        await environment.passes(3600)
        assert len(environment.begun) == 3
        assert len([each for each, _ in environment.rows.looks if each == ANNA]) <= 13


@virtual
async def test_a_file_whose_fate_cannot_be_written_is_set_aside_until_the_session_is_here_anew() -> None:
    async with running(Environment()) as environment:
        environment.give(ANNA, "a")
        environment.give(BERT, "b")
        environment.adopt(ANNA, trouble=ValueError("a fault of ours"))
        environment.adopt(BERT)
        await environment.passes(3600)
        assert sorted(environment.begun) == ["a", "b"], "once, instead of every few seconds"
        await environment.runner.let_go(ANNA)
        environment.adopt(ANNA)
        await environment.passes(SECONDS + 1)
        assert environment.rows.rows == {}


@virtual
async def test_a_session_that_another_worker_owns_is_looked_at_no_more() -> None:
    async with running(Environment()) as environment:
        environment.give(ANNA, *names("a", 3))
        environment.adopt(ANNA, trouble=StaleEpoch())
        await environment.passes(3600)
        assert len(environment.begun) <= PER_SESSION


@virtual
async def test_letting_a_session_go_ends_what_is_under_way_and_leaves_it_pending() -> None:
    async with running(Environment()) as environment:
        environment.give(ANNA, "a")
        environment.give(BERT, "b")
        environment.adopt(ANNA, BERT)
        await environment.passes(1)
        await environment.runner.let_go(ANNA)
        assert environment.under_way == [BERT]
        environment.runner.arrived(ANNA)
        await environment.passes(3600)
        assert list(environment.rows.rows) == ["a"]


@virtual
async def test_a_runner_that_is_stopped_leaves_nothing_running() -> None:
    environment = Environment()
    async with running(environment):
        environment.give(ANNA, "a")
        environment.adopt(ANNA)
        await environment.passes(1)
    assert (environment.under_way, list(environment.rows.rows)) == ([], ["a"])
