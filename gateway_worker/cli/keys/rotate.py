"""What ``gateway-worker keys rotate`` does and says."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from rich.progress import Progress, SpinnerColumn, TextColumn

from gateway_worker.cli.keys.bucket import SnapshotRotation
from gateway_worker.cli.opened_store import opened_store
from gateway_worker.cli.terminal import complain, console
from gateway_worker.cli.trouble import one_line
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.rotation.rotation import Resealed, Rotation

DONE: Final = 0
FAILED: Final = 1
MISCONFIGURED: Final = 2
_SHOWN: Final = 20


async def rotate(settings: Settings) -> int:
    """Seal everything with the first key; the exit code: 0 all of it is, 1 not, 2 misconfigured. May be repeated."""
    if not settings.encryption_keys:
        complain("GATEWAY_ENCRYPTION_KEYS is not set: the new key first, then those that sealed what there is")
        return MISCONFIGURED
    try:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(opened_store(settings, "gateway-worker keys"))
            client = S3Client(**settings.s3)
            stack.push_async_callback(client.stop)
            bucket = SnapshotRotation(store.rotation, SnapshotObjects(client, settings.sessions_bucket))
            return await _rotate(store.rotation, bucket)
    except (StoreError, StoreUnavailable, OSError) as error:
        complain(f"{one_line(error, settings)}. What is done stays done: run this again")
        return FAILED


async def _rotate(rotation: Rotation, bucket: SnapshotRotation) -> int:
    if (behind := await rotation.behind()) and _refuse(behind, rotation.keys[0]):
        return FAILED
    failed: dict[str, str] = {}
    for what, steps in (
        ("keys of sessions", rotation.sessions()),
        ("replies to commands", rotation.replies()),
        ("snapshots", bucket.reseal()),
    ):
        failed |= await _run(what, steps)
    return await _verdict(rotation, bucket, failed)


def _refuse(behind: Mapping[str, Sequence[str]], first: str) -> bool:
    """Workers seal with their own first key meanwhile, and who lacks ours could not read what we seal."""
    for worker, keys in behind.items():
        does = "has it behind another one" if first in keys else "does not have it"
        complain(
            f"{worker} runs, and {does}: start it again with our first key ({first}) in front of its"
            " GATEWAY_ENCRYPTION_KEYS, and then this once more"
        )
    return True


async def _run(what: str, steps: AsyncIterator[Resealed]) -> Mapping[str, str]:
    """Take the steps, with progress; what could not be done."""
    done, failed = 0, dict[str, str]()
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        async for step in steps:
            done += step.done
            failed |= step.failed
            progress.update(task, description=f"{what}: {done} sealed with the first key")
    console.print(f"{what}: {done} sealed with the first key" + (f", {len(failed)} not" if failed else ""))
    return failed


async def _verdict(rotation: Rotation, bucket: SnapshotRotation, failed: Mapping[str, str]) -> int:
    for what, why in list(failed.items())[:_SHOWN]:
        complain(f"{what}: {why}")
    first, *others = rotation.keys
    needed: dict[str, int] = {}
    for use in await rotation.uses():
        needed[use.key] = needed.get(use.key, 0) + use.number
    for key, number in (await bucket.uses())[0].items():
        needed[key] = needed.get(key, 0) + number
    needed.pop(first, None)
    for key, number in needed.items():
        complain(f"the key {key} is still needed, for {number} values: run this again")
    if needed or failed or ((behind := await rotation.behind()) and _refuse(behind, first)):
        return FAILED
    console.print(f"Everything is sealed with the first key ({first}).", soft_wrap=True)
    if others:
        console.print(
            f"{', '.join(others)} may go: start each worker again with the first key alone. Keep the others as long as"
            " you keep backups of PostgreSQL and of the bucket that were made before now.",
            soft_wrap=True,
        )
    return DONE
