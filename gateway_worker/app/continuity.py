"""Sees to it that the database is the continuation of what was told: at start, and for as long as the worker runs.

Marks of how it stands lie in RabbitMQ, which a worker needs anyway (it waits for it), and, when it is within reach, in
the sessions bucket: a broker that was made anew remembers nothing. `store/postgres/lineage.py` says how they are
compared.
"""

import asyncio
import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, Protocol

import structlog

from gateway_worker.broker.errors import BrokerError, TopologyMismatch
from gateway_worker.connections.people.spellings import SPELLING_KIND
from gateway_worker.store.errors import StoreUnavailable, WentBack
from gateway_worker.store.postgres.guard import Guard
from gateway_worker.store.postgres.lineage import LineagePosition, newest, read_mark
from gateway_worker.store.sessions.renewal import Rejuvenate, Renewal
from gateway_worker.timing.cancelling import end
from gateway_worker.whatsapp.baileys import identity
from schemas.names import WorkerId

log = structlog.get_logger(__name__)

KEPT: Final = identity.KINDS | {SPELLING_KIND}
"""Kinds of keys that belong to an identity, or that nobody would tell again."""

MARK_SECONDS: Final = 1.0
_SELDOM: Final = 30  # marks; by then, and at the first, the highest sequence is read and the bucket's mark replaced
_AGAIN_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 5.0
_SPARE_SECONDS: Final = 2.0  # where there is a mark already: workers do this one after the other


class Place(Protocol):
    """Where a mark lies."""

    async def read(self) -> bytes | None:
        """The mark, if there is one."""
        ...

    async def write(self, body: bytes) -> None:
        """Replace it; returns when it is durable."""
        ...


class Continuity:
    """``settle`` before the first socket opens → ``run`` → ``stop``.

    Args:
        guard: looks at new connections from the moment that it is settled.
        renewal: how the database stands, and what is done when it went back.
        needed: the place that is waited for.
        spare: one that may be away.
        rejuvenate: makes credentials fit for a new life.
        kept: kinds of keys that belong to the identity.
        worker_id: named in the events.
    """

    def __init__(
        self,
        guard: Guard,
        renewal: Renewal,
        *,
        needed: Place,
        spare: Place,
        rejuvenate: Rejuvenate,
        kept: Collection[str],
        worker_id: WorkerId,
    ) -> None:
        self._guard = guard
        self._renewal = renewal
        self._needed = needed
        self._spare = spare
        self._rejuvenate = rejuvenate
        self._kept = kept
        self._worker_id = worker_id
        self._highest = LineagePosition(number=0, sequence=0, epoch=0)
        self._over = asyncio.Event()
        guard.on_refusal(lambda _reason: self._over.set())

    async def settle(self) -> int:
        """Compare, and renew what went back; answers how many sessions were renewed.

        Crashes leave nothing half done: until the mark has the new number nothing was told under it, and what is not
        renewed yet is known by its row.

        Raises:
            StoreUnavailable: the database is away, or somebody else is at it: ask again.
            TopologyMismatch: the mark may not be read or written.
        """
        async with self._renewal.alone():
            marks = await self._read()
            await self._renewal.tidy()
            now = await self._renewal.position(highest=True)
            mark = newest(marks)
            reason = None if mark is None else now.parted(mark)
            if mark is not None and reason is not None:
                log.warning("lineage.went_back", reason=reason, number=now.number, marked=mark.sequence)
                await self._renewal.begin(now, mark)
                now = await self._renewal.position(highest=True)
            await self._write_needed(now)
            renewed = await self._renew(now)
            self._highest = await self._renewal.position(highest=True)
            self._guard.begin(self._highest)
        return renewed

    async def run(self) -> None:
        """Mark, second by second.

        Raises:
            WentBack: this is not the database any more that the worker began with.
        """
        async with asyncio.TaskGroup() as group:
            marking = group.create_task(self._go_on_marking())
            await self._over.wait()
            await end(marking)
        if self._guard.refusal is not None:
            raise WentBack(f"the database went back in time ({self._guard.refusal})")

    def stop(self) -> None:
        """`run` returns."""
        self._over.set()

    async def _go_on_marking(self) -> None:
        for count in itertools.count(1):
            await asyncio.sleep(MARK_SECONDS)
            if self._over.is_set():
                return
            try:
                await self._mark(seldom=count % _SELDOM == 1)
            except (StoreUnavailable, BrokerError, TimeoutError) as error:
                log.debug("lineage.not_marked", error=str(error) or type(error).__name__)

    async def _mark(self, *, seldom: bool) -> None:
        since = self._guard.since
        now = await self._renewal.position(highest=seldom)
        if since is not None:
            self._guard.compare(now, since)
        known = self._highest
        self._highest = replace(now, sequence=max(now.sequence, known.sequence), epoch=max(now.epoch, known.epoch))
        if seldom:
            await self._write_spare(self._highest)
            if await self._renewal.behind(now):  # rows that came after the start: somebody restores them only now
                async with self._renewal.alone():
                    await self._renew(now)
        async with asyncio.timeout(_PATIENCE_SECONDS):  # the broker may be away, or take nothing: the database is not
            await self._needed.write(self._highest.to_mark())

    async def _renew(self, now: LineagePosition) -> int:
        return await self._renewal.renew(now, rejuvenate=self._rejuvenate, kept=self._kept, worker_id=self._worker_id)

    async def _read(self) -> Sequence[LineagePosition]:
        found = [await self._needed.read()]
        try:
            async with asyncio.timeout(None if found[0] is None else _SPARE_SECONDS):
                found.append(await self._spare.read())
        except OSError as error:
            log.warning("lineage.spare_not_read", error=type(error).__name__)
        marks: list[LineagePosition] = []
        for body in found:
            try:
                marks += [] if body is None else [read_mark(body)]
            except ValueError as error:
                log.warning("lineage.mark_unreadable", error=str(error))
        return marks

    async def _write_needed(self, now: LineagePosition) -> None:
        """Nothing is told before it is there."""
        while True:
            try:
                return await self._needed.write(now.to_mark())
            except TopologyMismatch:
                raise
            except BrokerError as error:
                log.warning("worker.waiting_for", dependency="rabbitmq", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _write_spare(self, now: LineagePosition) -> None:
        try:
            await self._spare.write(now.to_mark())
        except OSError as error:
            log.warning("lineage.spare_not_marked", error=type(error).__name__)
