"""Fetches the files of this worker's sessions: a few at a time, in turn between sessions, beside everything else.

What is to be done stands in the rows; here is only who may have something due. So a crash forgets nothing: whoever owns
the session next finds it there. Each file under way holds at most a few parts of it in memory (`objects.received`).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from gateway_worker.connections.base.media_ports import Bucket, Downloads, FileOwner
from gateway_worker.connections.base.storage import MediaFiles
from gateway_worker.store.errors import StaleEpoch, StoreError, StoreUnavailable
from gateway_worker.store.records import MediaRecord
from gateway_worker.timing.cancelling import end
from schemas.names import SessionId

_log = structlog.get_logger()

AT_ONCE: Final = 6  # files of the worker: with their parts, less than 100 MB
PER_SESSION: Final = 2
_AWAY: Final = 5.0  # before the database is asked again
_UNREADABLE: Final = 300.0  # before rows are looked at again that this program cannot read


class MediaRunner:
    """The service. `run` it; what it fetches when it is stopped stays pending."""

    def __init__(self, *, rows: MediaFiles, downloads: Downloads, bucket: Bucket, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._downloads = downloads
        self._bucket = bucket
        self._now = now
        self._sessions: dict[SessionId, FileOwner] = {}
        self._waiting: deque[SessionId] = deque()  # in turn
        self._timers: dict[SessionId, asyncio.TimerHandle] = {}
        self._under_way: dict[tuple[SessionId, str], asyncio.Task[None]] = {}  # by session and object
        self._set_aside: set[tuple[SessionId, str]] = set()  # no row could be written of how they went
        self._stir = asyncio.Event()

    # --- what sessions tell ---

    def adopt(self, session: FileOwner) -> None:
        """The session lives here: what it has pending is fetched."""
        self._sessions[session.session_id] = session
        self.arrived(session.session_id)

    def arrived(self, session_id: SessionId) -> None:
        """Something of it may be due."""
        if session_id in self._sessions and session_id not in self._waiting:
            self._waiting.append(session_id)
        self._stir.set()

    async def let_go(self, session_id: SessionId) -> None:
        """It does not live here any more; returns when nothing of it is under way."""
        self._sessions.pop(session_id, None)
        self._set_aside = {key for key in self._set_aside if key[0] != session_id}
        if timer := self._timers.pop(session_id, None):
            timer.cancel()
        await end(*(task for (owner, _), task in self._under_way.items() if owner == session_id))

    async def has(self, key: str) -> bool:
        """Whether the bucket has this object, as far as one can see."""
        try:
            return await self._bucket.exists(key)
        except OSError:  # S3 is away: fetching it again waits for S3 as well
            return False

    # --- the service ---

    async def run(self) -> None:
        """Fetch what is due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._stir.clear()
                while self._waiting and len(self._under_way) < AT_ONCE:
                    await self._start_next(tasks)
                await self._stir.wait()

    async def _start_next(self, tasks: asyncio.TaskGroup) -> None:
        """One file of the session whose turn it is; if there may be more, it queues again behind the others."""
        session = self._sessions.get(self._waiting.popleft())
        if session is None:
            return
        session_id = session.session_id
        if sum(owner == session_id for owner, _ in self._under_way) >= PER_SESSION:
            return  # it is looked at again when one of these is done
        record = await self._due(session_id)
        if record is not None and self._sessions.get(session_id) is session:
            task = tasks.create_task(self._fetch(session, record))
            self._under_way[session_id, record.object] = task
            task.add_done_callback(lambda _: self._done(session_id, record.object))
            self.arrived(session_id)

    async def _due(self, session_id: SessionId) -> MediaRecord | None:
        """The next file of a session; where there is none, it is looked at again when there is."""
        besides = [key for owner, key in (*self._under_way, *self._set_aside) if owner == session_id]
        try:
            found = await self._rows.due(session_id, self._now(), besides, 1)
            if found:
                return found[0]
            if (next_try := await self._rows.next_try(session_id, besides)) is not None:
                self._look_again(session_id, (next_try - self._now()).total_seconds())
        except StoreUnavailable:
            self._look_again(session_id, _AWAY)
        except StoreError as error:  # others are not held up by what this program cannot read
            _log.error("media.unreadable", session=session_id, error=type(error).__name__)
            self._look_again(session_id, _UNREADABLE)
        return None

    def _look_again(self, session_id: SessionId, seconds: float) -> None:
        if timer := self._timers.pop(session_id, None):
            timer.cancel()
        if session_id in self._sessions:
            loop = asyncio.get_running_loop()
            self._timers[session_id] = loop.call_later(max(0.05, seconds), self.arrived, session_id)

    async def _fetch(self, session: FileOwner, record: MediaRecord) -> None:
        try:
            await session.carry_out(record, self._downloads, self._bucket)
        except StaleEpoch:
            self._sessions.pop(session.session_id, None)
        except Exception:  # noqa: BLE001 (a fault of ours in one file must not take the others down)
            _log.exception("media.set_aside", session=session.session_id, message_id=record.message_id)
            self._set_aside.add((session.session_id, record.object))

    def _done(self, session_id: SessionId, key: str) -> None:
        del self._under_way[session_id, key]
        self.arrived(session_id)
