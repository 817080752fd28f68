"""One scenario: a steady load, a fault at a random moment of it, time to settle, and the ledgers compared."""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from tests.chaos.accounts.checker import check
from tests.chaos.accounts.journal import Journal
from tests.chaos.accounts.ledgers import Event, Ledgers
from tests.chaos.accounts.outcome import ScenarioOutcome, broken, counts_of, not_run, reasons_of
from tests.chaos.accounts.recovery import Sample, recovery
from tests.chaos.accounts.statuses import beyond_memory
from tests.chaos.environment.environment import Environment
from tests.chaos.faults import Announce, NotRunError, Struck
from tests.chaos.load import Act, Readers, commanding, paced, writing
from tests.chaos.matrix import Direction, Scenario

_SAMPLE_SECONDS: Final = 0.1
_QUIET_SECONDS: Final = 75.0
"""Without progress for so long nothing more is expected: longer than a session waits before it connects again."""
_LATE_SECONDS: Final = 1.0
"""After the last answer, for what comes twice."""
_LONGEST_SECONDS: Final = 300.0
_MARGIN: Final = 1.3
_EARLIEST, _LATEST = 0.15, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much and how fast: messages per direction, and per second of all directions together.

    `timed`: a fault's limit of seconds counts, which it cannot on a machine that is busy with something else.
    """

    messages: int
    rate: float
    timed: bool = True

    def rate_of(self, scenario: Scenario) -> float:
        """Per direction; slower under a fault that takes longer than the load would."""
        steady = self.rate / 2 if scenario.direction is Direction.BOTH else self.rate
        return min(steady, self.messages / (scenario.fault.seconds * _MARGIN)) if scenario.fault.seconds else steady

    def seconds_of(self, scenario: Scenario) -> float:
        """How long it lasts."""
        return self.messages / self.rate_of(scenario)


class ScenarioRun:
    """One scenario on an environment that is well. Build it, `run` it once."""

    def __init__(
        self, environment: Environment, scenario: Scenario, load: Load, chance: random.Random, announce: Announce
    ) -> None:
        self.journal = Journal(name=f"c{uuid.uuid4().hex[:10]}")
        self._environment = environment
        self._scenario = scenario
        self._load = load
        self._chance = chance
        self._announce = announce
        self._story: list[str] = []
        self._began = time.time()

    async def run(self) -> ScenarioOutcome:
        """Play it and compare the ledgers. Red when it does not come to an end."""
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await self._play()
        except Exception as error:  # noqa: BLE001 -- whatever it was, the scenario is red with it and the matrix goes on
            return self._ended_by(_cause(error))

    def _ended_by(self, cause: BaseException) -> ScenarioOutcome:
        if isinstance(cause, NotRunError):
            return not_run(self._scenario.name, str(cause))
        why = f"the scenario did not end: {type(cause).__name__}: {cause}"
        return broken(self._scenario.name, why, time.time() - self._began, self._story)

    async def _play(self) -> ScenarioOutcome:
        environment, observer = self._environment, self._environment.observer
        baseline = {held.session_id: held.sequence for held in await environment.accounts.held()}
        await environment.whatsapp.forget()
        first = len(observer.events)
        readers = Readers(environment.whatsapp, self.journal)
        observer.listeners[:] = [self.journal.take, readers.take]
        try:
            async with asyncio.TaskGroup() as watching:
                aside = [watching.create_task(readers.run()), watching.create_task(self._sample())]
                struck = await self._load_and_strike()
                await self._settle()
                for task in aside:
                    task.cancel()
        finally:
            observer.listeners.clear()
        ledgers = await self._collect(observer.events[first:], baseline, struck)
        return self._judge(ledgers, struck)

    async def _load_and_strike(self) -> Struck:
        """The load, and the fault somewhere in its first half."""
        rate = self._load.rate_of(self._scenario)
        async with asyncio.TaskGroup() as group:
            for lanes in self._lanes():
                group.create_task(paced(self._load.messages, rate, lanes))
            moment = self._chance.uniform(_EARLIEST, _LATEST) * self._load.seconds_of(self._scenario)
            await asyncio.sleep(min(moment, self._latest_moment()))
            return await self._scenario.fault.strike(self._environment, self._chance, self._say)

    def _latest_moment(self) -> float:
        """So late that the fault still ends within the load."""
        return max(1.0, self._load.seconds_of(self._scenario) - self._scenario.fault.seconds)

    def _say(self, words: str) -> None:
        self._story.append(f"{time.time() - self._began:.1f} s: {words}")
        self._announce(words)

    def _lanes(self) -> Sequence[Sequence[Act]]:
        environment, journal = self._environment, self.journal
        commands = [commanding(environment.publisher, chat, journal) for chat in environment.chats]
        messages = [writing(environment.whatsapp, chat, journal) for chat in environment.chats]
        match self._scenario.direction:
            case Direction.SENDING:
                return [commands]
            case Direction.RECEIVING:
                return [messages]
            case Direction.BOTH:
                return [commands, messages]

    async def _sample(self) -> None:
        while True:
            self.journal.samples.append(Sample(at=time.time(), outstanding=self.journal.outstanding()))
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _settle(self) -> None:
        """Return when everything has come back, or nothing more does."""
        journal, observer = self.journal, self._environment.observer
        while (left := journal.outstanding()) and await observer.until(
            lambda left=left: journal.outstanding() < left, _QUIET_SECONDS
        ):
            pass
        await asyncio.sleep(_LATE_SECONDS)

    async def _collect(self, events: Sequence[Event], baseline: dict[str, int], struck: Struck) -> Ledgers:
        environment, journal = self._environment, self.journal
        friends = {chat.friend.number: chat.friend for chat in environment.chats}
        arrivals = [
            await environment.whatsapp.arrivals(friend, journal.name, journal.read) for friend in friends.values()
        ]
        outbox = await environment.accounts.outbox(self._began)
        await environment.observer.until(
            lambda: {row.event_id for row in outbox} <= {e.id for e in environment.observer.events}, 5.0
        )
        return Ledgers(
            commands=sorted(journal.commands.values(), key=lambda command: command.number),
            phone_messages=sorted(journal.phone_messages.values(), key=lambda message: message.number),
            arrivals=[arrival for inbox in arrivals for arrival in inbox],
            events=events,
            rows=await environment.accounts.rows(journal.name, self._began),
            outbox=[row for row in outbox if row.sequence > baseline.get(row.session_id, 0)],
            baseline=baseline,
            acceptances=await environment.whatsapp.acceptances(),
            thawed_at=struck.thawed_at,
            forgotten=struck.forgotten,
        )

    def _judge(self, ledgers: Ledgers, struck: Struck) -> ScenarioOutcome:
        findings = check(ledgers)
        usual = max(10, round(self._load.rate))
        found = recovery(
            ledgers.events, struck.sessions, self.journal.samples, struck=struck.at, since=struck.since, usual=usual
        )
        forgotten = beyond_memory(ledgers)
        outstanding = [each for each in self.journal.outstanding_ids() if each not in forgotten]
        reasons = reasons_of(self._scenario.fault, findings, found, outstanding, timed=self._load.timed)
        return ScenarioOutcome(
            scenario=self._scenario.name,
            verdict="red" if reasons else "green",
            commands=len(ledgers.commands),
            phone_messages=len(ledgers.phone_messages),
            events=len(ledgers.events),
            counts=counts_of(findings),
            recovered=found.first,
            recovered_p99=found.p99,
            drained=found.drained,
            took=time.time() - self._began,
            story=self._story,
            reasons=reasons,
        )


def _cause(error: BaseException) -> BaseException:
    """The first of those that a group holds."""
    if isinstance(error, BaseExceptionGroup):
        return _cause(cast("BaseException", error.exceptions[0]))
    return error
