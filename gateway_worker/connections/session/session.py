"""One owned session's life: from what is desired and what happens to what is done next.

`run` is one loop in one task: it opens, concludes, restarts, logs out, deletes and leaves. What the connection says
arrives in the engine's tasks (`Line`), is stored there, and wakes the loop.
"""

import asyncio
from enum import StrEnum

import structlog

from gateway_worker.cancelling import end
from gateway_worker.connections.base.context import Surroundings
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.groups.groups import GroupDesk
from gateway_worker.connections.lifecycle.availability import refusal
from gateway_worker.connections.lifecycle.desired import Orders, Step, connects_at_takeover, next_step
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.reasons import (
    LOGGED_OUT,
    MOVING,
    RETURNED,
    STAYS,
    UNLINK_UNCONFIRMED,
    WORKER_STOPPED,
)
from gateway_worker.connections.lifecycle.states import LIVE, State, Trigger
from gateway_worker.connections.media.session import SessionMedia
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.outgoing.quota import Quota
from gateway_worker.connections.outgoing.sending import Accepted, Sender
from gateway_worker.connections.outgoing.typing_indicator import Typing
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.chat_desk import ChatDesk
from gateway_worker.connections.session.departure import Departure
from gateway_worker.connections.session.immediate import Direct
from gateway_worker.connections.session.intake import DoorKeeper
from gateway_worker.connections.socket.connection import Link, Purpose
from gateway_worker.connections.socket.connector import Line
from gateway_worker.connections.socket.presences import Presences
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.records import Desired, SessionRecord
from schemas.addresses import jid_of
from schemas.commands import Command
from schemas.contact_commands import GetPicture
from schemas.errors import GatewayError
from schemas.events import Reason
from schemas.message_commands import CheckContacts, FetchMedia, MarkRead, OutgoingCommand, SetDisappearing, SetPresence
from schemas.names import MessageId, SessionId
from schemas.results import ContactPicture, ContactsChecked

_log = structlog.get_logger()

_RECOVERY_SECONDS = 5.0
_SEEN_BY_ALL = ("available", "unavailable")


class _Ending(StrEnum):
    """How a session's time with this worker ends."""

    DELETE = "delete"  # it is ordered to go
    LEAVE = "leave"  # this worker stops
    MOVE = "move"  # another worker is to have it
    FENCED = "fenced"  # another worker owns it


class LiveSession:
    """A session owned by this worker. Also the `Reach` of what is sent through it."""

    def __init__(self, record: SessionRecord, around: Surroundings, *, returned: bool = False) -> None:
        """`returned`: it was handed over, and nobody took it."""
        self.session_id: SessionId = record.session_id
        self.retired = False  # deleted: nobody may find it any more
        self.handed_over = False  # released for another worker
        self.returned_at = around.clock.monotonic() if returned else None
        self._opening_reason = RETURNED if returned else None
        self._moving: Reason | None = None
        self._around = around
        self._record: SessionRecord = record
        self._orders = Orders.of(record)
        self._stir = asyncio.Event()
        self._fenced_since: float | None = None
        self._leaving = self._poked = False
        self._writer = Writer(record.fence, around.storage, self.fence_off)
        self._lifecycle = Lifecycle(record, around, self._writer)
        self._identities = Identities(around.mappings)
        self._timers = Timers(record.session_id, self._identities, lambda: (self.jid, self._lifecycle.lid))
        resolver = Resolver(self._writer, self._identities)
        self._presences = Presences(record.session_id, self._usable, around, resolver)
        self._line = Line(
            self._lifecycle,
            self._writer,
            around,
            self._stirred,
            presences=self._presences,
            identities=self._identities,
            timers=self._timers,
            careful=record.state in LIVE,  # whoever owned it before told no end
        )
        originals = Originals(record.session_id, around.storage.messages, self._identities, lambda: self.jid)
        self._sender = Sender(
            self._writer,
            self,
            around,
            quota=Quota(record, around),
            typing=Typing(record, around),
            identities=self._identities,
            originals=originals,
            timers=self._timers,
            resolver=resolver,
        )
        self._direct = Direct(record.session_id, self, around, identities=self._identities, resolver=resolver)
        self.groups = GroupDesk(self, around)
        self._chats = ChatDesk(
            self._writer,
            self._direct,
            self.groups,
            around,
            identities=self._identities,
            resolver=resolver,
            timers=self._timers,
        )
        self._media = SessionMedia(self._writer, self, around, self._proxy, originals)
        self._door = DoorKeeper(record.session_id, self._is_awaited, self._lifecycle.changed, around)
        self._departure = Departure(self._lifecycle, self._line, around, epoch=record.epoch)
        if self._orders.desired is Desired.CONNECTED and connects_at_takeover(
            self.state, record.reason, has_retry=record.retry_at is not None
        ):
            self._line.try_now()

    # --- what others see and ask ---

    @property
    def state(self) -> State:
        """The session's state."""
        return self._lifecycle.state

    @property
    def jid(self) -> str | None:
        """The paired account's JID."""
        return self._lifecycle.jid

    @property
    def epoch(self) -> int:
        """The epoch under which it is owned."""
        return self._writer.fence.epoch

    def is_sending(self, message_id: MessageId) -> bool:
        """Whether this message is on its way just now."""
        return self._sender.is_sending(message_id)

    def poke(self) -> None:
        """There may be a new order in its row."""
        self._poked = True
        self._stirred()

    @property
    def fenced_since(self) -> float | None:
        """When it lost its fence, on the monotonic clock; None while that holds, as far as is known."""
        return self._fenced_since

    def fence_off(self) -> None:
        """It has another owner, or is owned under another epoch, by now: let go of it."""
        if self._fenced_since is None:
            self._fenced_since = self._around.clock.monotonic()
        self._stirred()

    def leave(self) -> None:
        """Give it up: close the connection, tell that, release it."""
        self._leaving = True
        self._stirred()

    def move(self, reason: Reason) -> None:
        """Hand it over: as `leave`, but this worker goes on, and must not be the one that takes it."""
        self._moving = reason
        self._stirred()

    async def settled(self) -> None:
        """Returns when it is connected, waits for a person, or its first try has failed."""
        while not self._is_settled():
            await self._lifecycle.changed.next()

    def refusal(self) -> GatewayError | None:
        """See `Reach.refusal`."""
        if self._wants_connection() and (self._poked or self._orders.fresh or self._line.awaited):
            return None
        return refusal(self.state, self._lifecycle.reason)

    async def link(self) -> Link:
        """See `Reach.link`."""
        while True:
            if (usable := self._usable()) is not None:
                return usable
            if (error := self.refusal()) is not None:
                raise error
            await self._lifecycle.changed.next()

    async def send(self, command: Command[OutgoingCommand], accepted: Accepted) -> None:
        """Send a message; see `connections.ports` for the whole promise."""
        await self._sender.send(command, accepted)

    async def mark_read(self, command: Command[MarkRead]) -> None:
        """See `Direct.mark_read`."""
        await self._direct.mark_read(command)

    async def set_presence(self, command: Command[SetPresence]) -> None:
        """See `Direct.set_presence`. Who is shown something is followed in turn, or who the command says."""
        await self._direct.set_presence(command)
        if command.data.subscribe or command.data.state not in _SEEN_BY_ALL:
            self._presences.follow(jid_of(command.data.to))

    async def set_disappearing(self, command: Command[SetDisappearing]) -> None:
        """See `ChatDesk.set_disappearing`."""
        await self._chats.set_disappearing(command)

    async def check_contacts(self, command: Command[CheckContacts]) -> ContactsChecked:
        """See `Direct.check_contacts`."""
        return await self._direct.check_contacts(command)

    async def get_picture(self, command: Command[GetPicture]) -> ContactPicture:
        """See `Direct.get_picture`."""
        return await self._direct.get_picture(command)

    async def fetch_media(self, command: Command[FetchMedia]) -> None:
        """See `SessionMedia.fetch`."""
        await self._media.fetch(command)

    # --- its life ---

    async def run(self) -> None:
        """Until it is deleted, given up by `leave` or `move`, or owned by another worker."""
        try:
            await self._run()
        except asyncio.CancelledError:  # cut short; whoever owns it next needs its connection
            await self._line.hang_up(Purpose.LEAVE)
            raise

    async def _run(self) -> None:
        storage = self._around.storage
        await until_stored(
            lambda: self._identities.load(self.session_id, storage.keys)
        )  # before the first command comes
        await until_stored(lambda: self._timers.load(storage.timers))
        async with asyncio.TaskGroup() as tasks:
            door = tasks.create_task(self._door.keep())
            route = tasks.create_task(self._around.cache.put_route(self.session_id, self._around.worker_id))
            presences = tasks.create_task(self._presences.run())
            self._around.media.adopt(self._media)
            try:
                ending = await self._live()
            finally:
                await self._around.media.let_go(self.session_id)
                await end(door, route, presences)
        grace = self._around.patience.settling if ending is _Ending.MOVE else 0
        await self._around.doors.pause(self.session_id, grace=grace)
        try:
            await self._end(ending)
        except StaleEpoch:
            self._let_go()

    async def _live(self) -> _Ending:
        while True:
            try:
                return await self._steer()
            except StaleEpoch:
                self.fence_off()
                await self._line.hang_up(Purpose.LEAVE)
                return _Ending.FENCED
            except Exception:  # noqa: BLE001 (a fault of ours in one session must not take the others down)
                _log.exception("session.failed", session=self.session_id)
                self._poked = True  # nobody is refused before its row has been read again
                await self._line.hang_up(Purpose.LEAVE)
                await asyncio.sleep(_RECOVERY_SECONDS)
                self._line.try_now()

    async def _steer(self) -> _Ending:
        """The loop: look at everything, do one thing, look again; rest when there is nothing to do."""
        while True:
            self._stir.clear()
            link = self._line.link
            if self._fenced_since is not None:
                raise StaleEpoch
            if self._leaving:
                return _Ending.LEAVE
            if self._moving is not None:
                return _Ending.MOVE
            if link is not None and (link.over or link.purpose is not None):
                await self._line.conclude()
            elif self._poked:
                await self._read_orders()
            else:
                match next_step(self._orders, linked=link is not None, due=self._line.due):
                    case Step.DELETE:
                        return _Ending.DELETE
                    case step:
                        await self._take(step)
            self._lifecycle.changed.fire()

    async def _take(self, step: Step) -> None:
        match step:
            case Step.OPEN:
                applied = self._orders.generation if self._orders.fresh else None
                self._orders = self._orders.done()
                reason, self._opening_reason = self._opening_reason, None
                await self._line.open(self._record, applied, reason)
            case Step.CLOSE:
                assert self._line.link is not None, "only what is open is closed"
                self._line.link.give_up(Purpose.RESTART if self._orders.restart else Purpose.REST)
            case Step.NOTE:
                await self._lifecycle.note(self._orders.generation)
                self._orders = self._orders.done()
            case Step.LOG_OUT:
                await self._log_out()
            case Step.MOVE:
                await self._move_if_there_is_room()
            case _:
                await self._rest()

    async def _rest(self) -> None:
        self._lifecycle.changed.fire()
        deadline = self._line.deadline
        try:
            async with asyncio.timeout(
                None if deadline is None else max(0.0, deadline - self._around.clock.monotonic())
            ):
                await self._stir.wait()
        except TimeoutError:
            self._line.check_silence()

    async def _read_orders(self) -> None:
        self._poked = False
        record = await until_stored(lambda: self._around.storage.sessions.get(self.session_id))
        if record is None or record.epoch != self.epoch:
            raise StaleEpoch
        if record.limits != self._record.limits:
            self._sender.quota = Quota(record, self._around)
        if record.settings != self._record.settings:
            self._sender.typing = Typing(record, self._around)
            self._around.snapshots.changed(self._writer.fence)
        self._record: SessionRecord = record
        self._orders = Orders.of(record)

    async def _move_if_there_is_room(self) -> None:
        """Nobody gains from closing a connection that no other worker can open again."""
        sessions = self._around.storage.sessions
        room = await until_stored(lambda: sessions.room(self._around.worker_id))
        if room.left:
            self.move(MOVING)
            return
        await until_stored(lambda: sessions.stay(self.session_id, self.epoch))
        self._orders = self._orders.stayed()
        await self._lifecycle.remark(STAYS)

    async def _log_out(self) -> None:
        confirmed = await self._line.unlink(self._record)
        await self._line.hang_up(Purpose.LOGOUT)
        await self._lifecycle.follow(
            Trigger.UNLINKED,
            reason=LOGGED_OUT if confirmed else UNLINK_UNCONFIRMED,
            applied=self._orders.generation,
            also=[DropCredentials()],
        )
        self._around.snapshots.voided()
        self._orders = self._orders.done()

    # --- its end ---

    async def _end(self, ending: _Ending) -> None:
        match ending:
            case _Ending.DELETE:
                await self._departure.remove(self._record, self._retire, purge=self._orders.purge)
            case _Ending.LEAVE:
                await self._departure.release(WORKER_STOPPED)
            case _Ending.MOVE:
                assert self._moving is not None, "that is why it ends"
                await self._departure.release(self._moving, left=self._around.worker_id)
                self.handed_over = True
            case _Ending.FENCED:
                self._let_go()

    def _let_go(self) -> None:
        _log.warning("session.taken_over", session=self.session_id)
        self._around.announcer.let_go(self.session_id)

    def _retire(self) -> None:
        self.retired = True

    # --- what it knows of itself ---

    def _proxy(self) -> str | None:
        proxy = self._record.options.get("proxy")
        return proxy if isinstance(proxy, str) else None

    def _wants_connection(self) -> bool:
        return self._orders.desired is Desired.CONNECTED

    def _is_awaited(self) -> bool:
        """Whether commands wait for a connection."""
        return self._usable() is None and self.refusal() is None

    def _usable(self) -> Link | None:
        link = self._line.link
        return link if link is not None and link.usable else None

    def _is_settled(self) -> bool:
        if self._line.link is not None:
            return self._line.link.settled
        return self.retired or not (self._line.due or self._orders.fresh)

    def _stirred(self) -> None:
        self._stir.set()
        self._lifecycle.changed.fire()
