"""``gateway-worker session restore``: from the sessions bucket into the database."""

from datetime import UTC, datetime

from gateway_worker.cli.terminal import complain, console, errors
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.snapshots import SnapshotMoment, SnapshotObjects
from gateway_worker.settings import Settings
from gateway_worker.store.database import complaint
from gateway_worker.store.errors import RestoreRefused, StoreError, StoreUnavailable
from gateway_worker.store.snapshot_format import Moment
from gateway_worker.store.store import Store
from gateway_worker.whatsapp.baileys.identity import revive
from schemas.names import SessionId, WorkerId

FAILED = 1
MISCONFIGURED = 2


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def restore(settings: Settings, session_id: SessionId, *, force: bool) -> int:
    """Restore a session; the exit code: 0 restored, 1 not, 2 misconfigured. Says what was done, or what to do."""
    if not settings.encryption_keys:
        errors.print("[red]GATEWAY_ENCRYPTION_KEYS is not set[/]: a snapshot is read with the key that sealed it")
        return MISCONFIGURED
    try:
        found = await _fetch(settings, session_id)
    except OSError as error:
        errors.print(
            f"[red]S3 does not answer or refuses[/] ({type(error).__name__} {error}): see gateway-worker doctor"
        )
        return FAILED
    if found is None:
        errors.print(
            f"[red]There is no snapshot of {session_id}[/] in {settings.sessions_bucket}: it was never paired, or was"
            " logged out or deleted. Pair it with session.create."
        )
        return FAILED
    moment, body = found
    try:
        sequence = await _write(settings, session_id, moment, body, force=force)
    except RestoreRefused as refused:
        errors.print(f"[red]Not restored[/]: {refused}")
    except StoreUnavailable as error:
        complain(f"Not restored: {complaint(error, str(settings.database_url))}")
    except (StoreError, ValueError) as error:
        errors.print(f"[red]The snapshot cannot be used[/]: {error}")
    else:
        console.print(
            f"Restored {session_id}. A worker connects it as soon as it has a free slot; its events go on at sequence"
            f" {sequence}. See to it that nothing else uses its old credentials."
        )
        return 0
    return FAILED


async def _fetch(settings: Settings, session_id: SessionId) -> tuple[SnapshotMoment, bytes] | None:
    client = S3Client(**settings.s3)
    try:
        return await SnapshotObjects(client, settings.sessions_bucket).newest(session_id)
    finally:
        await client.stop()


async def _write(settings: Settings, session_id: SessionId, moment: SnapshotMoment, body: bytes, *, force: bool) -> int:
    store = Store(
        str(settings.database_url),
        direct_url=settings.direct_database,
        encryption_keys=settings.raw_encryption_keys,
        clock=_Clock(),
        name="gateway-worker restore",
    )
    await store.start()
    try:
        return await store.restorer.restore(
            body,
            Moment(session_id=session_id, epoch=moment.epoch, sequence=moment.sequence),
            revive=revive,
            worker_id=WorkerId(settings.worker_id),
            replace_identity=force,
        )
    finally:
        await store.stop()
