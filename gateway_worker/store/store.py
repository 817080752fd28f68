"""The store: PostgreSQL as the rest of the program sees it."""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, overload

from gateway_worker.store.errors import StoreError
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.outbox.outbox import Outbox
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Keyring
from gateway_worker.store.postgres.guard import Guard
from gateway_worker.store.postgres.lease import Lease
from gateway_worker.store.postgres.pooler import require_sessions
from gateway_worker.store.postgres.rights import require_rights
from gateway_worker.store.postgres.schema import require_current
from gateway_worker.store.reading.chats import Chats
from gateway_worker.store.reading.contacts import Contacts
from gateway_worker.store.reading.labels import Labels
from gateway_worker.store.reading.media import MediaRows
from gateway_worker.store.reading.messages import Keys, Messages
from gateway_worker.store.reading.set_aside import SetAsides
from gateway_worker.store.reading.timers import Timers
from gateway_worker.store.reading.uploads import Uploads
from gateway_worker.store.reading.usage import UsageRows
from gateway_worker.store.records import Fence
from gateway_worker.store.retention import retention
from gateway_worker.store.rotation.rotation import Rotation
from gateway_worker.store.sessions.moving import SessionMoves
from gateway_worker.store.sessions.ownership import SessionOwnership
from gateway_worker.store.sessions.renewal import Renewal
from gateway_worker.store.sessions.rows import SessionRows
from gateway_worker.store.sessions.user_limits import UserLimits
from gateway_worker.store.snapshots.restoring import Restorer
from gateway_worker.store.snapshots.snapshots import Snapshots
from gateway_worker.store.workers.owners import Owners
from gateway_worker.store.workers.workers import Workers
from gateway_worker.store.writing.commands import Commands
from gateway_worker.store.writing.committer import Committer
from gateway_worker.store.writing.event_ids import new_event_id
from gateway_worker.store.writing.transaction import GroupWriter
from gateway_worker.store.writing.writers import WRITERS
from gateway_worker.timing.clock import Clock

_COMMITTERS: Final = 2
_FLUSH_SECONDS: Final = 20.0

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Store:
    """The facade.

    ``start`` → anything, ``run`` beside it → ``stop``. Every call raises `StoreUnavailable` when the database is away.

    Attributes:
        sessions, ownership, moves, keys, messages, chats, contacts, labels, media, uploads, set_aside, timers, usage,
            user_limits, commands, outbox, workers, owners, snapshots: reads, and writes that need no fence.
        restorer: brings sessions back from their snapshots.
        rotation: seals with the first of the encryption keys whatever another one has sealed.
        guard: sees to it that this stays the database that the worker began with.
        renewal: what is done to one that went back in time.
        lease: this worker's. Once it has run out, every call raises `StoreUnavailable` until it is renewed.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        direct_url: the same database past a transaction pooler, where there is one.
        encryption_keys: AES-256 keys, 32 bytes each; the first encrypts, all decrypt.
        clock: the wall clock.
        name: shown by ``pg_stat_activity``.
        message_retention: how long messages are kept.
        new_event_id: makes an event's id from its time.
    """

    def __init__(
        self,
        url: str,
        *,
        direct_url: str | None = None,
        encryption_keys: Sequence[bytes],
        clock: Clock,
        name: str = "gateway-worker",
        message_retention: timedelta = timedelta(days=90),
        new_event_id: Callable[[datetime], str] = new_event_id,
    ) -> None:
        keyring = Keyring(encryption_keys)
        ciphers = Ciphers(keyring)
        self._clock = clock
        self._message_retention = message_retention
        self.lease = Lease()
        self.guard = Guard()
        self._database = database = Database(url, direct_url=direct_url, name=name, lease=self.lease, guard=self.guard)
        self._urls = url, direct_url
        self._background: asyncio.Task[None] | None = None
        self.workers = Workers(database, self.lease, keyring.names)
        self.owners = Owners(database, self.workers)
        self.sessions = SessionRows(database=database, keyring=keyring, ciphers=ciphers, now=clock.now)
        self.ownership = SessionOwnership(database, ciphers)
        self.moves = SessionMoves(database, ciphers)
        self.keys = Keys(database, ciphers, clock.now)
        self.messages = Messages(database, keyring, ciphers)
        self.uploads = Uploads(database, ciphers, clock.now)
        self.media = MediaRows(database, ciphers, clock.now)
        self.set_aside = SetAsides(database, ciphers)
        self.timers = Timers(database)
        self.chats = Chats(database)
        self.contacts = Contacts(database, ciphers)
        self.labels = Labels(database, ciphers)
        self.usage = UsageRows(database)
        self.user_limits = UserLimits(database, clock.now, clock.monotonic)
        self.commands = Commands(database, keyring, clock.now)
        self.snapshots = Snapshots(database=database, keyring=keyring, ciphers=ciphers, now=clock.now)
        self.outbox = Outbox(database=database, ciphers=ciphers, workers=self.workers, now=clock.now)
        writer = GroupWriter(keyring=keyring, ciphers=ciphers, writers=WRITERS, new_event_id=new_event_id)
        self.renewal = Renewal(database=database, ciphers=ciphers, writer=writer, now=clock.now)
        self.rotation = Rotation(database, keyring)
        self.restorer = Restorer(database=database, keyring=keyring, ciphers=ciphers, writer=writer, now=clock.now)
        self._committers = [
            Committer(wire=database.kept(), writer=writer, listeners=self.outbox.listeners, now=clock.now)
            for _ in range(_COMMITTERS)
        ]

    async def start(self) -> None:
        """Connect and begin to work.

        Raises:
            StoreUnavailable: the database is away.
            SchemaMismatch: its schema is not this program's.
            StoreError: our role may not do what a worker does.
            DatabasePooled: the worker's lock would be void.
        """
        await require_sessions(*self._urls)
        await self._database.open()
        try:
            async with self._database.wire() as wire:
                await require_rights(wire)
                await require_current(wire)
            await retention.prepare(self._database, now=self._clock.now(), messages=self._message_retention)
        except BaseException:
            await self._database.close()
            raise
        self._background = asyncio.create_task(self._work(), name="store")

    async def run(self) -> None:
        """Returns when stopped; raises what ended the work in the background, e.g. `WorkerIdTaken`."""
        if self._background is None:
            raise StoreError("the store is not started")
        await asyncio.shield(self._background)

    async def stop(self) -> None:
        """Commit what is waiting, give the worker's lock up, and close every connection."""
        for committer in self._committers:
            committer.stop()
        if self._background is not None:
            await asyncio.wait({self._background}, timeout=_FLUSH_SECONDS)
            self._background.cancel()
            await asyncio.wait({self._background})
        self.workers.close()
        await self._database.close()

    async def check(self) -> float:
        """Seconds of one round trip to the database. Raises as `Database.check` does."""
        return await self._database.check()

    async def prune(self) -> Mapping[str, int]:
        """Make partitions for the days to come and remove what is past its time; to be called every hour or so.

        Answers how many partitions were made and dropped, and how many rows of other tables were removed.
        """
        return await retention.prune(self._database, now=self._clock.now(), messages=self._message_retention)

    @property
    def transactions(self) -> int:
        """Group commits so far."""
        return sum(committer.transactions for committer in self._committers)

    @overload
    async def commit(self, fence: Fence, one: Operation[A], /) -> tuple[A]: ...
    @overload
    async def commit(self, fence: Fence, one: Operation[A], two: Operation[B], /) -> tuple[A, B]: ...
    @overload
    async def commit(
        self, fence: Fence, one: Operation[A], two: Operation[B], three: Operation[C], /
    ) -> tuple[A, B, C]: ...
    @overload
    async def commit(self, fence: Fence, *operations: Operation[Any]) -> tuple[Any, ...]: ...

    async def commit(self, fence: Fence, *operations: Operation[Any]) -> tuple[Any, ...]:
        """Make operations durable in one transaction, all or none; answers in their order.

        Writes of one session take effect in the order of the calls. The transaction is shared with other callers,
        whose failures are their own. A caller that is cancelled leaves nothing half done: either it was still waiting
        for room, and nothing is written, or everything is, without it.

        Raises:
            StaleEpoch: the session has another owner by now, or is gone.
            StoreUnavailable: the database is away.
            StoreError: the database refused an operation; its neighbours in the call are refused with it.
        """
        number = zlib.crc32(fence.session_id.encode()) % len(self._committers)
        return await self._committers[number].commit(fence, operations)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            keeping = [
                group.create_task(self.workers.run(), name="store.lease"),
                group.create_task(self.lease.watch(), name="store.lapse"),
            ]
            committing = [group.create_task(committer.run(), name="store.commit") for committer in self._committers]
            await asyncio.wait(committing)
            for task in keeping:
                task.cancel()
