"""``gateway-worker session restore``: from the sessions bucket into the database."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway_worker.app.continuity import KEPT, Continuity
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerError
from gateway_worker.broker.marks import MarkQueue
from gateway_worker.cli.opened_store import opened_store
from gateway_worker.cli.terminal import complain, console, errors
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.errors import complaint as complaint_of_s3
from gateway_worker.objects.marks import MarkObject
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import RestoreRefused, StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import complaint
from gateway_worker.store.snapshots.format import Moment
from gateway_worker.store.store import Store
from gateway_worker.whatsapp.baileys import identity
from schemas.names import SessionId, WorkerId
from schemas.topology.channels import Topology

FAILED = 1
MISCONFIGURED = 2
_SETTLE_SECONDS: Final = 15.0


async def show(settings: Settings) -> int:
    """List what the bucket holds; the exit code."""
    try:
        async with _snapshots(settings) as snapshots:
            found = await snapshots.sessions()
    except OSError as error:
        return _no_s3(error, settings)
    table = Table("session", "taken under epoch", "at sequence", box=None, pad_edge=False)
    for session_id, moment in found.items():
        table.add_row(session_id, str(moment.epoch), str(moment.sequence))
    console.print(table)
    console.print(f"{len(found)} sessions in {settings.sessions_bucket}. Restore ID, or --all of them.")
    return 0


async def restore(settings: Settings, session_id: SessionId, *, force: bool) -> int:
    """Restore a session; the exit code: 0 restored, 1 not, 2 misconfigured. Says what was done, or what to do."""
    if not settings.encryption_keys:
        return _no_keys()
    return await _attempt(settings, [session_id], force=force)


async def restore_all(settings: Settings, *, force: bool) -> int:
    """Restore whatever the bucket holds; 0 when all of it is in the database afterwards. It may be repeated.

    A session that is there already is left as it is, unless forced.
    """
    if not settings.encryption_keys:
        return _no_keys()
    try:
        async with _snapshots(settings) as snapshots:
            found = list(await snapshots.sessions())
    except OSError as error:
        return _no_s3(error, settings)
    return await _attempt(settings, found, force=force, one_of_many=True)


async def _attempt(
    settings: Settings, session_ids: Sequence[SessionId], *, force: bool, one_of_many: bool = False
) -> int:
    try:
        async with _snapshots(settings) as snapshots:
            if not one_of_many:  # before the database is asked for anything
                found = await snapshots.newest(session_ids[0])
                if found is None:
                    return _none_there(settings, session_ids[0])
            async with _store(settings) as store:
                restoring = Restoring(settings, store, snapshots, force=force)
                return await (restoring.each(session_ids) if one_of_many else restoring.one(session_ids[0]))
    except OSError as error:
        return _no_s3(error, settings)
    except (StoreUnavailable, StoreError) as error:
        complain(f"Not restored: {complaint(error, str(settings.database_url))}: see gateway-worker doctor")
    return FAILED


class Restoring:
    """Brings sessions back, one after the other, and says how it went with each."""

    def __init__(self, settings: Settings, store: Store, snapshots: SnapshotObjects, *, force: bool) -> None:
        self._settings = settings
        self._store = store
        self._snapshots = snapshots
        self._force = force

    async def one(self, session_id: SessionId) -> int:
        """The exit code."""
        try:
            sequence = await self._restore(session_id)
        except RestoreRefused as refused:
            errors.print(f"[red]Not restored[/]: {refused}")
        except (StoreError, ValueError) as error:
            errors.print(f"[red]The snapshot cannot be used[/]: {error}")
        else:
            console.print(
                f"Restored {session_id}. A worker connects it as soon as it has a free slot; its events go on at"
                f" sequence {sequence}. See to it that nothing else uses its old credentials."
            )
            return 0
        return FAILED

    async def each(self, session_ids: Sequence[SessionId]) -> int:
        """The exit code: 0 when each is in the database now."""
        restored, there, failed = 0, 0, 0
        columns = (TextColumn("Restoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            for session_id in progress.track(session_ids):
                try:
                    sequence = await self._restore(session_id)
                except RestoreRefused as refused:
                    is_there = await self._store.sessions.get(session_id) is not None
                    there, failed = there + is_there, failed + (not is_there)
                    console.print(f"{'[yellow]![/]' if is_there else '[red]✗[/]'} {session_id}: {refused}")
                except (StoreError, OSError, ValueError) as error:
                    failed += 1
                    console.print(f"[red]✗[/] {session_id}: {error}")
                else:
                    restored += 1
                    console.print(f"[green]✓[/] {session_id} goes on at sequence {sequence}")
        console.print(f"{restored} restored, {there} were there already, {failed} not restored.")
        return FAILED if failed else 0

    async def _restore(self, session_id: SessionId) -> int:
        found = await self._snapshots.newest(session_id)
        if found is None:
            raise ValueError("its snapshot is not there any more")
        moment, body = found
        return await self._store.restorer.restore(
            body,
            Moment(session_id=session_id, epoch=moment.epoch, sequence=moment.sequence),
            revive=identity.revive,
            worker_id=WorkerId(self._settings.worker_id),
            replace_identity=self._force,
        )


@asynccontextmanager
async def _snapshots(settings: Settings) -> AsyncGenerator[SnapshotObjects]:
    client = S3Client(**settings.s3)
    try:
        yield SnapshotObjects(client, settings.sessions_bucket)
    finally:
        await client.stop()


@asynccontextmanager
async def _store(settings: Settings) -> AsyncGenerator[Store]:
    """The store, once it is known whether its database went back: what is restored goes on beyond what was told."""
    async with opened_store(settings, "gateway-worker restore") as store:
        await _settle(settings, store)
        yield store


async def _settle(settings: Settings, store: Store) -> None:
    link, client = BrokerConnection(str(settings.amqp_url), name="gateway-worker restore"), S3Client(**settings.s3)
    continuity = Continuity(
        store.guard,
        store.renewal,
        needed=MarkQueue(link, Topology(settings.namespace)),
        spare=MarkObject(client, settings.sessions_bucket, settings.namespace),
        rejuvenate=identity.rejuvenate,
        kept=KEPT,
        worker_id=WorkerId(settings.worker_id),
    )
    running = asyncio.ensure_future(link.run())
    try:
        async with asyncio.timeout(_SETTLE_SECONDS):
            await continuity.settle()
    except (TimeoutError, BrokerError):
        errors.print(
            "[yellow]RabbitMQ does not say what was told before[/]: the next worker's start finds out, and tells"
            " session.restored once more. See gateway-worker doctor."
        )
    finally:
        await link.stop()
        with suppress(BrokerError):  # it refuses us: said above
            await running
        await client.stop()


def _no_keys() -> int:
    errors.print("[red]GATEWAY_ENCRYPTION_KEYS is not set[/]: a snapshot is read with the key that sealed it")
    return MISCONFIGURED


def _no_s3(error: OSError, settings: Settings) -> int:
    complain(f"{complaint_of_s3(error, settings.s3_endpoint)}: see gateway-worker doctor")
    return FAILED


def _none_there(settings: Settings, session_id: SessionId) -> int:
    errors.print(
        f"[red]There is no snapshot of {session_id}[/] in {settings.sessions_bucket}: it was never paired, or was"
        " logged out or deleted. Pair it with session.create."
    )
    return FAILED
