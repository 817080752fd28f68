"""Duplicates, class by class and phase by phase, on the real ledger; two workers share it.

No command of class N is taken yet: one is declared here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from consumers.fence import Audience
from consumers.idempotency import IdempotencyGuard
from consumers.pending_reply import PendingReply, ReplyContext
from consumers.ports import CommandLedger
from consumers.replies import Reply, ReplyFactory, accepted
from gateway_worker.broker.ids import uuid7
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.operations.commands import Recorded
from gateway_worker.store.records import Json
from gateway_worker.store.store import Store
from schemas.commands.commands import Command, CommandClass, CommandKey, CommandQueue, CommandType
from schemas.envelope import Envelope
from schemas.errors import CommandConflict, MessageNotFound, OutcomeUnknownError, SessionNotConnected, Unavailable
from schemas.model import StrictModel
from schemas.names import WorkerId
from tests.support.consumers.fakes import NOW, MemoryPublisher, delivery_of
from tests.support.store.stores import KEY, TestClock, opened


class CreateGroup(StrictModel):
    subject: str


GROUP = CommandType(type="group.create.v1", queue=CommandQueue.SESSION, klass=CommandClass.N, model=CreateGroup)
MARK = CommandType(type="message.read.v1", queue=CommandQueue.SESSION, klass=CommandClass.I, model=CreateGroup)


def command(
    kind: CommandType, *, subject: str = "Friends", redriven: bool = False, session: str = "s1"
) -> Command[StrictModel]:
    data = {"subject": subject}
    envelope = Envelope(id="c1", source="/tests", type=kind.type, subject=session, time=NOW, data=data)
    return Command(envelope=envelope, kind=kind, data=CreateGroup(subject=subject), redriven=redriven)


@dataclass
class Office:
    """One worker's part of it. `effects` counts what happened at WhatsApp."""

    guard: IdempotencyGuard
    effects: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[BaseException] = field(default_factory=list[BaseException])
    _answer: PendingReply | None = None

    async def carry_out(self, given: Command[StrictModel], *, redelivered: bool = False, again: bool = False) -> Reply:
        """One delivery of it; `again`: the last one's next try."""
        if self._answer is None or not again:
            self._answer = _answer_to(given, redelivered=redelivered)
        return await self.guard.carry_out(given, self._answer, self._do)

    async def _do(self, given: Command[StrictModel]) -> Reply:
        self.effects += 1
        self.begun.set()
        await self.may_go_on.wait()
        if self.failures:
            raise self.failures.pop(0)
        return accepted(given)


def _answer_to(given: Command[StrictModel], *, redelivered: bool) -> PendingReply:
    factory = ReplyFactory(namespace="gateway", worker_id=WorkerId("w1"))
    reply_context = ReplyContext(publisher=MemoryPublisher(), factory=factory, now=lambda: NOW, new_id=uuid7)
    body = given.envelope.to_json()
    delivery = delivery_of(body, queue="gateway.session.s1", redelivered=redelivered)
    return PendingReply(
        reply_context,
        delivery,
        Audience(origin=given.envelope.origin, reply_to=delivery.reply_to, receives_events=True),
    )


def office(ledger: CommandLedger, *, retry_gate: float = 0.6) -> Office:
    made = Office(IdempotencyGuard(ledger, wait_seconds=retry_gate, wait_seconds_n=retry_gate))
    made.may_go_on.set()
    return made


@pytest.fixture
async def stores(migrated_database_url: str) -> AsyncGenerator[tuple[Store, Store]]:
    """Two workers' views of one database."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(opened(migrated_database_url, TestClock(), KEY))
        second = await stack.enter_async_context(opened(migrated_database_url, TestClock(), KEY))
        yield first, second


@pytest.fixture
def here(stores: tuple[Store, Store]) -> Office:
    return office(stores[0].commands)


@pytest.fixture
def there(stores: tuple[Store, Store]) -> Office:
    return office(stores[1].commands, retry_gate=20)


KINDS = pytest.mark.parametrize("kind", [MARK, GROUP], ids=["I", "N"])


@KINDS
async def test_what_is_done_is_answered_alike_everywhere(here: Office, there: Office, kind: CommandType) -> None:
    first = await here.carry_out(command(kind))
    assert await here.carry_out(command(kind)) == first
    assert await there.carry_out(command(kind)) == first
    assert (here.effects, there.effects) == (1, 0)


@KINDS
async def test_what_another_worker_is_at_work_on_is_waited_for(here: Office, there: Office, kind: CommandType) -> None:
    here.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(here.carry_out(command(kind)))
        await here.begun.wait()
        second = group.create_task(there.carry_out(command(kind)))
        third = group.create_task(here.carry_out(command(kind)))
        done, _ = await asyncio.wait({second, third}, timeout=0.5)
        assert not done
        here.may_go_on.set()
    assert first.result() == second.result() == third.result()
    assert (here.effects, there.effects) == (1, 0)


@KINDS
async def test_another_body_is_a_conflict_in_every_phase(here: Office, there: Office, kind: CommandType) -> None:
    other = command(kind, subject="Foes")
    here.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(here.carry_out(command(kind)))
        await here.begun.wait()
        for office_ in (here, there):
            with pytest.raises(CommandConflict):
                await office_.carry_out(other)
        here.may_go_on.set()
    assert first.result().outcome == "accepted"
    for office_ in (here, there):
        with pytest.raises(CommandConflict):
            await office_.carry_out(other)
    assert (here.effects, there.effects) == (1, 0)


@KINDS
async def test_whoever_speaks_for_one_session_meets_no_command_of_another(
    here: Office, there: Office, kind: CommandType
) -> None:
    """`source` and `id` are chosen by the sender; two tenants may choose the same, or one guess the other's."""
    assert (await here.carry_out(command(kind))).outcome == "accepted"
    others = command(kind, session="s2")
    assert (await there.carry_out(others)).outcome == "accepted"
    with pytest.raises(CommandConflict):
        await there.carry_out(command(kind, subject="Foes", session="s2"))
    assert (here.effects, there.effects) == (1, 1)


@KINDS
async def test_a_lasting_rejection_is_the_answer_and_not_now_is_not(
    here: Office, there: Office, kind: CommandType
) -> None:
    here.failures = [SessionNotConnected(), MessageNotFound()]
    with pytest.raises(SessionNotConnected):
        await here.carry_out(command(kind))
    with pytest.raises(MessageNotFound):
        await here.carry_out(command(kind))
    assert (await there.carry_out(command(kind))).outcome == "message.not_found"
    assert (here.effects, there.effects) == (2, 0)


@KINDS
async def test_a_command_is_recorded_before_its_effect(
    stores: tuple[Store, Store], here: Office, kind: CommandType
) -> None:
    here.may_go_on.clear()
    running = asyncio.create_task(here.carry_out(command(kind)))
    await here.begun.wait()
    record = await stores[1].commands.find(CommandKey(source="/tests", id="c1", subject="s1"))
    assert record is not None
    assert (record.done, record.type) == (False, kind.type)
    here.may_go_on.set()
    await running


async def crash(office_: Office, given: Command[StrictModel]) -> None:
    """The worker dies in the middle of it."""
    office_.may_go_on.clear()
    running = asyncio.create_task(office_.carry_out(given))
    await office_.begun.wait()
    running.cancel()
    await asyncio.wait({running})


async def test_an_idempotent_command_is_carried_out_again_after_a_crash(here: Office, there: Office) -> None:
    await crash(here, command(MARK))
    assert (await there.carry_out(command(MARK), redelivered=True)).outcome == "accepted"
    assert (here.effects, there.effects) == (1, 1)


async def test_a_command_that_must_not_be_repeated_has_an_unknown_outcome_after_a_crash(
    stores: tuple[Store, Store], here: Office, there: Office
) -> None:
    await crash(here, command(GROUP))
    for redelivered in (True, True):
        with pytest.raises(OutcomeUnknownError):
            await there.carry_out(command(GROUP), redelivered=redelivered)
    later = office(stores[1].commands)
    with pytest.raises(OutcomeUnknownError):
        await later.carry_out(command(GROUP))  # a duplicate; it waited in vain
    assert (here.effects, there.effects, later.effects) == (1, 0, 0)


@pytest.mark.parametrize("failure", [ZeroDivisionError(), Unavailable()], ids=["unexpected", "unavailable"])
async def test_a_fault_in_the_middle_repeats_only_what_may_be_repeated(here: Office, failure: Exception) -> None:
    here.failures = [failure]
    with pytest.raises(type(failure)):
        await here.carry_out(command(GROUP))
    with pytest.raises(OutcomeUnknownError):
        await here.carry_out(command(GROUP), again=True)
    assert here.effects == 1


async def test_an_idempotent_command_is_tried_again_at_once_after_a_fault(stores: tuple[Store, Store]) -> None:
    here = office(stores[0].commands, retry_gate=600)
    here.failures = [ZeroDivisionError(), Unavailable()]
    given = command(MARK)
    for failure in (ZeroDivisionError, Unavailable):
        with pytest.raises(failure):
            await here.carry_out(given, again=True)
    async with asyncio.timeout(60):
        assert (await here.carry_out(given, again=True)).outcome == "accepted"


async def test_a_person_may_have_an_unknown_one_begun_once_more_and_a_crash_does_not(
    stores: tuple[Store, Store], here: Office, there: Office
) -> None:
    await crash(here, command(GROUP))
    redriven = command(GROUP, redriven=True)
    second = office(stores[1].commands)
    await crash(second, redriven)
    with pytest.raises(OutcomeUnknownError):
        await there.carry_out(redriven, redelivered=True)
    third = office(stores[1].commands)
    assert (await third.carry_out(redriven)).outcome == "accepted"
    assert (await there.carry_out(redriven)).outcome == "accepted", "it has succeeded: that is the answer"
    assert (here.effects, second.effects, there.effects, third.effects) == (1, 1, 0, 1)


async def test_a_redriven_command_that_was_rejected_is_tried_again(here: Office) -> None:
    here.failures = [MessageNotFound()]
    with pytest.raises(MessageNotFound):
        await here.carry_out(command(MARK))
    assert (await here.carry_out(command(MARK, redriven=True))).outcome == "accepted"
    assert (await here.carry_out(command(MARK))).outcome == "accepted"
    assert here.effects == 2


class Forgetful:
    """A ledger whose database is away when an outcome is to be written down."""

    def __init__(self, ledger: CommandLedger) -> None:
        self._ledger = ledger
        self.away = 2

    async def record(self, key: CommandKey, body_hash: bytes, command_type: str) -> Recorded:
        return await self._ledger.record(key, body_hash, command_type)

    async def finish(self, key: CommandKey, reply: Json | None) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        await self._ledger.finish(key, reply)


@KINDS
async def test_an_outcome_is_not_forgotten_because_the_database_is_away(
    stores: tuple[Store, Store], there: Office, kind: CommandType
) -> None:
    here = office(Forgetful(stores[0].commands))
    assert (await here.carry_out(command(kind))).outcome == "accepted"
    assert (await there.carry_out(command(kind))).outcome == "accepted"
    assert (here.effects, there.effects) == (1, 0)
