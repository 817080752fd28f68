"""What others do: whose presence we ask for, on each connection anew, and telling it. Nothing of it is stored."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from gateway_worker.connections.base.ports import Announcer
from gateway_worker.connections.base.signals import Signal
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.errors import EngineError
from gateway_worker.whatsapp.facts import PresenceChanged
from schemas.addresses import AddressKind, Jid, kind_of
from schemas.events.contacts import PresenceUpdated, SeenState
from schemas.events.events import PRESENCE_UPDATED
from schemas.names import SessionId

_log = structlog.get_logger()

MAX_FOLLOWED: Final = 256  # people of one session; who was followed longest ago is forgotten
MAX_PENDING: Final = 512  # of one session, while the broker is away


class Presences:
    """The presence of others, for one owned session.

    Args:
        session_id: the session.
        attempt: its usable connection, if there is one.
        resolver: finds its chats.
        announcer: announces what was seen.
        clock: says when.
    """

    def __init__(
        self,
        session_id: SessionId,
        attempt: Callable[[], ConnectionAttempt | None],
        resolver: Resolver,
        *,
        announcer: Announcer,
        clock: Clock,
    ) -> None:
        self._resolver = resolver
        self._session_id = session_id
        self._attempt = attempt
        self._announcer = announcer
        self._clock = clock
        self._followed: OrderedDict[Jid, ConnectionAttempt | None] = (
            OrderedDict()
        )  # with the connection it was asked on
        self._pending: OrderedDict[tuple[str, str | None], PresenceUpdated] = OrderedDict()
        self._wake = Signal()

    def follow(self, jid: Jid) -> None:
        """Have this person's presence told from now on. What happens in groups is told anyway."""
        if kind_of(jid) is AddressKind.GROUP:
            return
        jid = self._resolver.chat_of(jid)
        self._followed.setdefault(jid, None)
        self._followed.move_to_end(jid)
        if len(self._followed) > MAX_FOLLOWED:
            self._followed.popitem(last=False)
        self._wake.fire()

    def on_presence(self, fact: PresenceChanged) -> None:
        """Somebody does something: to be told soon. Of one person only the last thing waits."""
        about = (fact.chat, fact.participant)
        self._pending.pop(about, None)
        self._pending[about] = self._updated(fact)
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        self._wake.fire()

    def connected(self) -> None:
        """There is a new connection, which knows of nobody yet."""
        self._wake.fire()

    async def run(self) -> None:
        """Ask and tell, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask())
            tasks.create_task(self._notify())

    async def _ask(self) -> None:
        while True:
            attempt = self._attempt()
            jid = (
                None
                if attempt is None
                else next((jid for jid, on in self._followed.items() if on is not attempt), None)
            )
            if attempt is None or jid is None:
                await self._wake.next()
                continue
            self._followed[jid] = attempt
            try:
                await attempt.connection.subscribe_presence(await self._resolver.on(attempt.connection, jid))
            except EngineError as error:  # if the connection is over, the next one is asked
                _log.info("presence.not_followed", session=self._session_id, error=type(error).__name__)

    async def _notify(self) -> None:
        while True:
            if not self._pending:
                await self._wake.next()
                continue
            _, update = self._pending.popitem(last=False)
            await self._announcer.announce(PRESENCE_UPDATED.type, self._session_id, update)

    def _updated(self, fact: PresenceChanged) -> PresenceUpdated:
        seen, name_of = fact.last_seen, self._resolver.chat_of
        return PresenceUpdated(
            session_id=self._session_id,
            chat=name_of(Jid(fact.chat)),
            participant=None if fact.participant is None else name_of(Jid(fact.participant)),
            state=SeenState(fact.state.value),
            last_seen=None if seen is None else _instant(seen),
            timestamp=self._clock.now(),
        )


def _instant(seconds: int) -> datetime | None:
    """A time in Unix seconds; None where it makes no sense: it comes from outside."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
