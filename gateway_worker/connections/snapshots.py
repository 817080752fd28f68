"""Keeps a snapshot of every identity in the sessions bucket, and none of an identity that is void.

A session says when its identity may have changed; that only sets a time in memory. When it has come, the snapshot is
taken from the database and, if it differs from what was stored last, uploaded. So nothing waits for S3, nothing is
written for it where messages pass, and what a crash forgets is found at the session's next login, by comparing.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final, Protocol

import structlog

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.objects.snapshots import SnapshotMoment
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.records import Fence
from gateway_worker.store.snapshots.snapshots import Removal, SealedSnapshot
from gateway_worker.timing.pauses import Pauses
from gateway_worker.whatsapp.port import Changes
from schemas.names import SessionId

_log = structlog.get_logger()

SOON: Final = 5.0  # seconds: several changes make one snapshot, and a session uploads no more often than that
LATER: Final = 900.0  # for what WhatsApp gives again anyway: a new contact is not worth an upload
_TICK: Final = 1.0
_AT_ONCE: Final = 4
_PAUSES: Final = Pauses(first=5.0, longest=300.0)
_LOOK: Final = 15.0  # between looks for removals that other workers, or an earlier life, left behind
_REMOVED_AT_ONCE: Final = 20


class SnapshotRecords(Protocol):
    """Snapshots as `store` knows them; see `store.snapshots.Snapshots`."""

    async def take(self, fence: Fence, kinds: Collection[str], mark: Callable[[bytes], bytes]) -> SealedSnapshot | None:
        """A snapshot to be stored, if there is something new to store."""
        ...

    async def keep(self, sealed: SealedSnapshot) -> bool:
        """Remember that it is stored; False when it is not wanted any more."""
        ...

    async def due_removals(self, limit: int) -> Sequence[Removal]:
        """What is to be removed now."""
        ...

    async def removed(self, removal: Removal) -> None:
        """It is done."""
        ...


class SnapshotBucket(Protocol):
    """Snapshots as `objects` keeps them. Every call raises an `OSError` when S3 is away or refuses."""

    async def put(self, session_id: SessionId, moment: SnapshotMoment, body: bytes) -> None:
        """Store one."""
        ...

    async def remove_older(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        """Remove what it supersedes."""
        ...

    async def remove(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        """Remove it."""
        ...

    async def remove_through(self, session_id: SessionId, sequence: int) -> None:
        """Remove all that were taken up to this event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What of an engine's keys and credentials is identity: see `whatsapp.baileys.identity`."""

    kinds: frozenset[str]
    urgent_kinds: frozenset[str]
    mark: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A session whose identity may have changed. `due` is the next try, `wanted` was the first; monotonic seconds."""

    fence: Fence
    wanted: float
    due: float
    failures: int = 0


class SnapshotKeeper:
    """A service, and what sessions tell of their identity."""

    def __init__(
        self,
        *,
        records: SnapshotRecords,
        bucket: SnapshotBucket,
        identity: Identity,
        observer: SessionObserver,
        monotonic: Callable[[], float],
    ) -> None:
        self._records = records
        self._bucket = bucket
        self._identity = identity
        self._observer = observer
        self._monotonic = monotonic
        self._waiting: dict[SessionId, _Waiting] = {}
        self._changed = asyncio.Event()
        self._void = asyncio.Event()
        self._stopping = asyncio.Event()

    # --- what sessions tell; never blocks, never raises ---

    def changed(self, fence: Fence) -> None:
        """The session's identity, settings or account may have changed."""
        self._wait_for(fence, SOON)

    def stored(self, fence: Fence, changes: Changes) -> None:
        """The engine has stored something: if it belongs to the identity, that may have changed."""
        if changes.credentials is not None:
            self._wait_for(fence, SOON)
        elif changes.keys:
            kinds = {kind for kind, _ in changes.keys}
            if not kinds.isdisjoint(self._identity.kinds):
                self._wait_for(fence, LATER if kinds.isdisjoint(self._identity.urgent_kinds) else SOON)

    def voided(self) -> None:
        """An identity was destroyed: what there is of it in the bucket is to be removed."""
        self._void.set()

    @property
    def late_seconds(self) -> float:
        """How late the oldest change is that is still to be stored; 0 when none is."""
        return max(0.0, self._monotonic() - min((each.wanted for each in self._waiting.values()), default=inf))

    # --- the service ---

    async def run(self) -> None:
        """Store and remove until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            chores = [tasks.create_task(self._store_for_ever()), tasks.create_task(self._remove_for_ever())]
            await self._stopping.wait()
            for chore in chores:
                chore.cancel()

    async def stop(self) -> None:
        """End. What is not stored yet is found again at the session's next login."""
        self._stopping.set()

    def _wait_for(self, fence: Fence, seconds: float) -> None:
        due = self._monotonic() + seconds
        waiting = self._waiting.get(fence.session_id)
        if waiting is None or waiting.fence != fence:
            waiting = _Waiting(fence=fence, wanted=due, due=due)
        elif not waiting.failures:
            waiting = replace(waiting, wanted=min(waiting.wanted, due), due=min(waiting.due, due))
        self._waiting[fence.session_id] = waiting
        self._changed.set()

    async def _store_for_ever(self) -> None:
        while True:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
            now = self._monotonic()
            due = sorted((each for each in self._waiting.values() if each.due <= now), key=lambda each: each.due)
            async with asyncio.TaskGroup() as tasks:
                for each in due[:_AT_ONCE]:
                    tasks.create_task(self._see_to(each))
            if len(due) < _AT_ONCE:
                await asyncio.sleep(_TICK)

    async def _see_to(self, waiting: _Waiting) -> None:
        """Store it now; what is told from here on makes another one."""
        session_id = waiting.fence.session_id
        del self._waiting[session_id]
        try:
            await self._store(waiting.fence)
        except (StoreUnavailable, OSError) as error:
            failures = waiting.failures + 1
            delay = _PAUSES.after(failures)
            self._fail(waiting.fence, error, retry_in_seconds=delay)
            again = replace(waiting, due=self._monotonic() + delay, failures=failures)
            if self._waiting.setdefault(session_id, again).fence == waiting.fence:
                self._waiting[session_id] = again
        except (StoreError, ValueError) as error:  # it will not be better next time
            self._fail(waiting.fence, error, retry_in_seconds=None)

    def _fail(self, fence: Fence, error: Exception, *, retry_in_seconds: float | None) -> None:
        self._observer.snapshot_failed()
        kind = type(error).__name__
        _log.warning("snapshot.failed", session=fence.session_id, error=kind, retry_in_seconds=retry_in_seconds)

    async def _store(self, fence: Fence) -> None:
        """Store what is new. Each step may be repeated; what a frozen worker does late is older, or undone."""
        sealed = await self._records.take(fence, self._identity.kinds, self._identity.mark)
        if sealed is None:
            return
        moment = SnapshotMoment(fence.epoch, sealed.sequence)
        await self._bucket.put(fence.session_id, moment, sealed.body)
        await self._bucket.remove_older(fence.session_id, moment)
        if await self._records.keep(sealed):
            self._observer.snapshot_stored()
        else:
            await self._bucket.remove(fence.session_id, moment)

    async def _remove_for_ever(self) -> None:
        while True:
            self._void.clear()
            try:
                await self._remove_what_is_due()
            except (StoreUnavailable, OSError) as error:  # a removal stays due until it is done
                self._observer.snapshot_failed()
                _log.warning("snapshot.removal_failed", error=type(error).__name__)
            try:
                async with asyncio.timeout(_LOOK):
                    await self._void.wait()
            except TimeoutError:
                continue

    async def _remove_what_is_due(self) -> None:
        while removals := await self._records.due_removals(_REMOVED_AT_ONCE):
            for removal in removals:
                await self._remove(removal)

    async def _remove(self, removal: Removal) -> None:
        """One that S3 refuses (a retention period, a missing right) does not hold up the others."""
        try:
            await self._bucket.remove_through(removal.session_id, removal.through)
        except PermissionError as error:
            self._observer.snapshot_failed()
            _log.warning("snapshot.removal_refused", session=removal.session_id, code=str(error))
        else:
            await self._records.removed(removal)
