"""Looks at the gateway all the time: listens to its events, and lists its sessions now and then."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from gateway_worker.client import ClientError, CommandRejectedError, EventQueue, Gateway
from gateway_worker.client.events import Event
from gateway_worker.console.watch.chats import Chats
from gateway_worker.console.watch.feed import Feed
from gateway_worker.console.watch.fleet import Fleet, Session
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from schemas.events.sessions import SessionState
from schemas.results import SessionDescription

_log = structlog.get_logger()

LOOK_SECONDS: Final = 60.0  # between two lists of all sessions
ASK_SECONDS: Final = 5.0
_PAGE: Final = 500
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
EVERYTHING: Final = EventQueue(types=["*.*"])
"""Every event, in the broker's order. Gaps are not filled: each would be replayed to all backends for a page's sake."""


@dataclass(slots=True)
class Watch:
    """What the console knows of the gateway."""

    gateway: Gateway
    clock: Clock
    chance: random.Random
    feed: Feed = field(default_factory=Feed)
    fleet: Fleet = field(default_factory=Fleet)
    chats: Chats = field(default_factory=Chats)
    on_event: Callable[[], None] = lambda: None
    trouble: str | None = None
    """Why the gateway cannot be seen, if it cannot."""
    _look_again: asyncio.Event = field(default_factory=asyncio.Event)
    _first_look: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep("listen", self._listen))
            group.create_task(self._keep("list", self._list))

    async def has_looked(self, seconds: float) -> None:
        """Return once the sessions were listed, or could not be; at the latest after so long."""
        async with asyncio.timeout(seconds):
            await self._first_look.wait()

    def look(self) -> None:
        """List the sessions anew, soon."""
        self._look_again.set()

    async def session(self, session_id: str) -> Session:
        """One session as it stands now, with its QR code. Raises as `Gateway.describe_session`."""
        session = self.fleet.put(await self.gateway.describe_session(session_id, timeout=ASK_SECONDS))
        if session.state is SessionState.QR_REQUIRED and session.live is None:  # it was told before we listened
            with suppress(CommandRejectedError):
                return self.fleet.shows(await self.gateway.get_qr(session_id, timeout=ASK_SECONDS))
        return session

    async def _keep(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it for ever; when the gateway is not there, wait a little longer each time."""
        pauses = Pauses(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=self.chance)
        failures = 0
        while True:
            try:
                await work()
                failures = 0
            except ClientError as trouble:
                failures += 1
                self.trouble = str(trouble)
                _log.warning("console.gateway_away", doing=what, error=self.trouble)
            self._first_look.set()
            await asyncio.sleep(pauses.after(failures) if failures else 0)

    async def _listen(self) -> None:
        async with self.gateway.events(EVERYTHING) as events:
            self.feed.end_all()
            self.look()
            async for event in events:
                self._take(event)

    def _take(self, event: Event) -> None:
        self.on_event()
        now = self.clock.now()
        self.fleet.take(event, now)
        self.chats.take(event)
        self.feed.take(event, now)

    async def _list(self) -> None:
        """All sessions, and the workers that have them; then wait until it is time again."""
        asked_at = self.clock.now()
        sessions: list[SessionDescription] = []
        cursor: str | None = None
        while True:
            page = await self.gateway.list_sessions(limit=_PAGE, timeout=ASK_SECONDS, **_after(cursor))
            sessions += page.sessions
            cursor = page.cursor
            if cursor is None:
                break
        self.fleet.listed(sessions, asked_at)
        self.trouble = None
        await self._describe_new_workers(asked_at)
        self._first_look.set()
        self._look_again.clear()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._look_again.wait()
        except TimeoutError:
            return

    async def _describe_new_workers(self, now: datetime) -> None:
        """Workers tell of themselves every 30 s; those that have sessions need not be waited for."""
        owners = {each.owner for each in self.fleet.sessions.values() if each.owner is not None}
        for owner in sorted(owners - set(self.fleet.workers)):
            try:
                self.fleet.described(await self.gateway.describe_worker(owner, timeout=ASK_SECONDS), now)
            except CommandRejectedError:
                continue  # it has left
            except ClientError as away:
                _log.info("console.worker_silent", worker=owner, error=str(away))


def _after(cursor: str | None) -> dict[str, Any]:
    return {} if cursor is None else {"cursor": cursor}
