"""Is this worker well? A check for each dependency, and one word for the whole."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

CHECK_TIMEOUT = 2.0  # seconds a dependency has to answer
_MAX_AGE = 1.0  # seconds a finding is good for: probes must not become load


class Health(StrEnum):
    """One word for the whole worker."""

    OK = "ok"
    DEGRADED = "degraded"  # it works, but something it can do without is missing
    DRAINING = "draining"  # it is leaving and takes nothing new
    DOWN = "down"  # something it cannot work without is missing


class Unwell(Exception):  # noqa: N818 (reads as the fact it is)
    """A check's own words: its text is shown to whoever asks, so it names no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One dependency. `ask` returns when it answered and raises when it is not well.

    `required`: without it the worker is `down`; else only `degraded`. `is_service`: it is outside of this process.
    """

    name: str
    required: bool
    ask: Callable[[], Awaitable[object]]
    is_service: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found. `error` is a class name or our own words, never a driver's text (it may hold addresses)."""

    ok: bool
    required: bool
    latency_ms: float
    error: str | None = None


class HealthChecks:
    """Asks all dependencies side by side; concurrent probes share one round of questions."""

    def __init__(self, checks: Sequence[Check], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._findings: Mapping[str, Finding] = {}
        self._asked_at = float("-inf")
        self.draining = False

    @property
    def of_services(self) -> Sequence[Callable[[], Awaitable[object]]]:
        """The questions to services alone, for who wants fresh answers at a pace of its own."""
        return [check.ask for check in self._checks if check.is_service]

    async def findings(self) -> Mapping[str, Finding]:
        """Check name → finding, at most a second old."""
        async with self._lock:
            if self._monotonic() - self._asked_at > _MAX_AGE:
                found = await asyncio.gather(*(self._ask(check) for check in self._checks))
                self._findings = {check.name: finding for check, finding in zip(self._checks, found, strict=True)}
                self._asked_at = self._monotonic()
            return self._findings

    async def health(self) -> tuple[Health, Mapping[str, Finding]]:
        """The word and the findings behind it."""
        findings = await self.findings()
        return judge(findings.values(), draining=self.draining), findings

    async def _ask(self, check: Check) -> Finding:
        started = self._monotonic()
        error: str | None = None
        try:
            await answer(check.ask, CHECK_TIMEOUT)
        except Exception as unwell:  # noqa: BLE001 (whatever a driver raises means: not well; its name is reported)
            error = str(unwell) if isinstance(unwell, Unwell) else type(unwell).__name__
        latency = round(1000 * (self._monotonic() - started), 2)
        return Finding(ok=error is None, required=check.required, latency_ms=latency, error=error)


async def answer(ask: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Ask, and wait so long at most, also where the question does not let itself be cancelled.

    asyncpg does not, for some seconds: it first tells the silent server that the query is cancelled.

    Raises:
        TimeoutError: there was no answer.
    """
    asking = asyncio.ensure_future(ask())
    try:
        done, _ = await asyncio.wait({asking}, timeout=seconds)
    except asyncio.CancelledError:
        asking.add_done_callback(_retrieve)
        asking.cancel()
        raise
    if not done:
        asking.add_done_callback(_retrieve)
        asking.cancel()
        raise TimeoutError
    asking.result()


def _retrieve(late: "asyncio.Future[object]") -> None:
    """Whatever it says now, nobody listens any more; unheard, it would be logged as forgotten."""
    if not late.cancelled():
        late.exception()


def judge(findings: Iterable[Finding], *, draining: bool) -> Health:
    """Pure: findings → one word. Draining outranks down: an orchestrator must see that the end is wanted."""
    if draining:
        return Health.DRAINING
    unwell = [finding for finding in findings if not finding.ok]
    if any(finding.required for finding in unwell):
        return Health.DOWN
    return Health.DEGRADED if unwell else Health.OK
