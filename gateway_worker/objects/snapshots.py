"""Snapshots of sessions in their bucket: opaque sealed bytes under a name that says how new they are.

::

    snapshots/<session id>/<epoch>-<sequence>       both of 19 digits: the last in the order of names is the newest

Epoch and sequence of a session never fall, so whoever writes late (a worker that was frozen) writes under an older name
and replaces nothing. One snapshot per session stays: an older one is either the same identity, or a void one.
"""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gateway_worker.objects.client import S3Client
from schemas.names import SessionId

MAX_BYTES: Final = 16 * 1024 * 1024
_ROOT: Final = "snapshots/"
_LISTING_SECONDS: Final = 120.0  # some hundred thousand sessions
_PROBE: Final = SessionId(".probe")  # no session can be called so
_NAME: Final = re.compile(r"^([0-9]{19})-([0-9]{19})$")


class SnapshotMoment(NamedTuple):
    """When in a session's life a snapshot was taken. They compare by age."""

    epoch: int
    sequence: int


class SnapshotObjects:
    """The snapshots in one bucket, with or without versioning. Every call raises as `S3Client` says."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, session_id: SessionId, moment: SnapshotMoment, body: bytes) -> None:
        """Store a snapshot.

        Raises:
            ValueError: it has more than `MAX_BYTES`.
        """
        if len(body) > MAX_BYTES:
            raise ValueError(f"a snapshot of {len(body)} bytes is too large")
        async with self._client.calling() as client:
            await client.put_object(self._bucket, _name(session_id, moment), io.BytesIO(body), len(body))

    async def newest(self, session_id: SessionId) -> tuple[SnapshotMoment, bytes] | None:
        """The newest snapshot, if there is one. One that is too large comes cut off, and so does not authenticate."""
        async with self._client.calling() as client:
            found = client.list_objects(self._bucket, prefix=_folder(session_id), recursive=True)
            moments = [moment async for each in found if (moment := _moment(each.object_name)) is not None]
            if not moments:
                return None
            name = _name(session_id, max(moments))
            async with await client.get_object(self._bucket, name, length=MAX_BYTES) as response:
                return max(moments), await response.read()

    async def beginning(self, session_id: SessionId, moment: SnapshotMoment, size: int) -> bytes:
        """The first bytes of a snapshot."""
        async with (
            self._client.calling() as client,
            await client.get_object(self._bucket, _name(session_id, moment), length=size) as response,
        ):
            return await response.read()

    async def sessions(self) -> Mapping[SessionId, SnapshotMoment]:
        """Every session that has a snapshot, in the order of ids, and its newest moment."""
        newest: dict[SessionId, SnapshotMoment] = {}
        async with self._client.calling(_LISTING_SECONDS) as client:
            async for each in client.list_objects(self._bucket, prefix=_ROOT, recursive=True):
                session_id, moment = each.object_name.removeprefix(_ROOT).partition("/")[0], _moment(each.object_name)
                if moment is not None and session_id != _PROBE:
                    newest[SessionId(session_id)] = max(moment, newest.get(SessionId(session_id), moment))
        return dict(sorted(newest.items()))

    async def remove_older(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        """Remove what the snapshot of this moment has superseded, every version of it."""
        await self._remove(
            session_id,
            lambda found, is_latest: found < moment or (found == moment and not is_latest),
        )

    async def remove(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        """Remove the snapshot of this moment, every version of it."""
        await self._remove(session_id, lambda found, _: found == moment)

    async def remove_through(self, session_id: SessionId, sequence: int) -> None:
        """Remove every version of every snapshot that was taken up to this event of the session."""
        await self._remove(session_id, lambda found, _: found.sequence <= sequence)

    async def probe(self) -> None:
        """Store, find, read and remove something, as snapshots are: raises when a right is missing."""
        moment = SnapshotMoment(0, 0)
        await self.put(_PROBE, moment, b"probe")
        await self.newest(_PROBE)
        await self.remove(_PROBE, moment)

    async def _remove(self, session_id: SessionId, doomed: Callable[[SnapshotMoment, bool], bool]) -> None:
        """Versions go one by one, delete markers too: a delete without a version would only hide what it deletes."""
        async with self._client.calling() as client:
            versions: list[Any] = [
                each
                async for each in client.list_objects(
                    self._bucket, prefix=_folder(session_id), recursive=True, include_version=True
                )
            ]
            for each in versions:
                moment = _moment(each.object_name)
                if moment is not None and doomed(moment, each.is_latest == "true"):
                    await client.remove_object(self._bucket, each.object_name, version_id=each.version_id)


def _folder(session_id: SessionId) -> str:
    return f"{_ROOT}{session_id}/"


def _name(session_id: SessionId, moment: SnapshotMoment) -> str:
    return f"{_folder(session_id)}{moment.epoch:019d}-{moment.sequence:019d}"


def _moment(name: str) -> SnapshotMoment | None:
    match = _NAME.match(name.rpartition("/")[2])
    return None if match is None else SnapshotMoment(int(match[1]), int(match[2]))
