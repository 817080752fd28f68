"""Snapshots in the sessions bucket, sealed with the first key in place of another one.

The owner of a session writes its snapshots, and takes a new one at the next login when the first key has changed. What
is done here is for sessions that nobody connects, and for those that the database does not know. An identity may become
void, or its owner may store a newer snapshot, between reading and writing: whatever then should not be there is removed
again. No fence is needed for that: a snapshot under a name is always the same snapshot, in whatever wrapping.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from gateway_worker.objects.errors import S3MissingError
from gateway_worker.objects.snapshots import SnapshotMoment, SnapshotObjects
from gateway_worker.store.errors import StoreError
from gateway_worker.store.rotation.rotation import Resealed, Rotation, StoredSnapshot
from gateway_worker.store.snapshots.format import HEAD_BYTES, Moment
from schemas.names import SessionId

_AT_ONCE: Final = 8


class SnapshotRotation:
    """The bucket's half of an exchange of keys. Calls raise as `SnapshotObjects` and `Rotation` do."""

    def __init__(self, rotation: Rotation, objects: SnapshotObjects) -> None:
        self._rotation = rotation
        self._objects = objects

    async def uses(self, most: int | None = None) -> tuple[Mapping[str, int], int]:
        """What names a key → how many snapshots it has sealed, of the first `most`; and how many there are."""
        there = await self._objects.sessions()
        found: dict[str, int] = {}
        looking = asyncio.Semaphore(_AT_ONCE)

        async def look(session_id: SessionId, moment: SnapshotMoment) -> None:
            async with looking:
                key = await self._key(session_id, moment)
            if key is not None:
                found[key] = found.get(key, 0) + 1

        async with asyncio.TaskGroup() as tasks:
            for session_id, moment in list(there.items())[:most]:
                tasks.create_task(look(session_id, moment))
        return found, len(there)

    async def reseal(self) -> AsyncIterator[Resealed]:
        """Seal anew, one after the other."""
        for session_id, moment in (await self._objects.sessions()).items():
            if await self._key(session_id, moment) == self._rotation.keys[0]:
                continue
            try:
                yield Resealed(done=int(await self._reseal(session_id)))
            except StoreError as error:
                yield Resealed(done=0, failed={f"snapshot of {session_id}": str(error)})

    async def _key(self, session_id: SessionId, moment: SnapshotMoment) -> str | None:
        try:
            return self._rotation.snapshot_key(await self._objects.beginning(session_id, moment, HEAD_BYTES))
        except S3MissingError:
            return None
        except StoreError:
            return "unreadable"

    async def _reseal(self, session_id: SessionId) -> bool:
        before = await self._rotation.snapshot_of(session_id)
        found = await self._objects.newest(session_id)
        if found is None:
            return False
        moment, body = found
        if _is_void(before, before, moment):  # a removal is on its way
            return False
        anew = self._rotation.snapshot(
            body, Moment(session_id=session_id, epoch=moment.epoch, sequence=moment.sequence)
        )
        await self._objects.put(session_id, moment, anew)
        await self._objects.remove_older(session_id, moment)
        if _is_void(before, await self._rotation.snapshot_of(session_id), moment):
            await self._objects.remove(session_id, moment)
            return False
        return True


def _is_void(before: StoredSnapshot | None, after: StoredSnapshot | None, moment: SnapshotMoment) -> bool:
    """Whether a snapshot should not be there, or not any more. Pure.

    Without a row it is all there is of a session. A row without an identity says nothing against it: a database that
    went back in time has such rows. That it had one a moment ago does.
    """
    if after is None:
        return before is not None
    if after.is_deleted or (after.removed_through is not None and after.removed_through >= moment.sequence):
        return True
    if before is not None and before.has_identity and not after.has_identity:
        return True
    return after.stored is not None and SnapshotMoment(*after.stored) > moment
