"""One owned session's life: from what is desired and what happens to what is done next.

`run` is one loop in one task: it opens, concludes, restarts, logs out, deletes and leaves. What the connection says
arrives in the engine's tasks (`Connector`), is stored there, and wakes the loop.
"""

import asyncio
from enum import StrEnum

import structlog

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.lifecycle.availability import refusal
from gateway_worker.connections.lifecycle.desired import Orders, Step, connects_at_takeover, next_step
from gateway_worker.connections.lifecycle.reasons import (
    LOGGED_OUT,
    MOVING,
    RETURNED,
    STAYS,
    UNLINK_UNCONFIRMED,
    WORKER_STOPPED,
)
from gateway_worker.connections.lifecycle.states import State, Trigger
from gateway_worker.connections.outgoing.accepting import Accepted
from gateway_worker.connections.outgoing.typing_indicator import Typing
from gateway_worker.connections.passkey.ceremony import Ceremony
from gateway_worker.connections.session.parts import assemble, quota_of
from gateway_worker.connections.socket.attempt import ConnectionAttempt, Purpose
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.records import Desired, SessionRecord
from gateway_worker.timing.cancelling import end
from schemas.addresses import jid_of
from schemas.commands.commands import Command
from schemas.commands.contacts import GetPicture
from schemas.commands.messages import CheckContacts, FetchMedia, MarkRead, OutgoingCommand, SetDisappearing, SetPresence
from schemas.commands.sessions import ConfirmPasskey, UsePasskey
from schemas.errors import GatewayError, SessionNotPairing
from schemas.events.sessions import Reason
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
    """A session owned by this worker. Also the `ConnectionWaiter` of what is sent through it."""

    def __init__(self, record: SessionRecord, context: SessionContext, *, returned: bool = False) -> None:
        """`returned`: it was handed over, and nobody took it."""
        self.session_id: SessionId = record.session_id
        self.retired = False  # deleted: nobody may find it any more
        self.handed_over = False  # released for another worker
        self.returned_at = context.clock.monotonic() if returned else None
        self._opening_reason = RETURNED if returned else None
        self._moving: Reason | None = None
        self._context = context
        self._record: SessionRecord = record
        self._orders = Orders.of(record)
        self._stir = asyncio.Event()
        self._fenced_since: float | None = None
        self._leaving = self._order_pending = False
        parts = assemble(record, context, self)
        self._writer, self._lifecycle = parts.writer, parts.lifecycle
        self._connector, self._presences = parts.connector, parts.presences
        self._identities, self._timers = parts.identities, parts.timers
        self._sender, self._immediate, self._chats = parts.sender, parts.immediate, parts.chats
        self.groups, self.chat_states, self.own_account = parts.groups, parts.chat_states, parts.own_account
        self.labels = parts.labels
        self._media = parts.media
        self._intake_controller = parts.intake
        self._departure = parts.departure
        if self._orders.desired is Desired.CONNECTED and connects_at_takeover(
            self.state, record.reason, has_retry=record.retry_at is not None
        ):
            self._connector.try_now()

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

    def notify_order(self) -> None:
        """There may be a new order in its row."""
        self._order_pending = True
        self.wake()

    @property
    def fenced_since(self) -> float | None:
        """When it lost its fence, on the monotonic clock; None while that holds, as far as is known."""
        return self._fenced_since

    def fence_off(self) -> None:
        """It has another owner, or is owned under another epoch, by now: let go of it."""
        if self._fenced_since is None:
            self._fenced_since = self._context.clock.monotonic()
        self.wake()

    def leave(self) -> None:
        """Give it up: close the connection, tell that, release it."""
        self._leaving = True
        self.wake()

    def move(self, reason: Reason) -> None:
        """DeadLetterQueue it over: as `leave`, but this worker goes on, and must not be the one that takes it."""
        self._moving = reason
        self.wake()

    async def settled(self) -> None:
        """Returns when it is connected, waits for a person, or its first try has failed."""
        while not self._is_settled():
            await self._lifecycle.changed.next()

    def refusal(self) -> GatewayError | None:
        """Why there is no point in waiting for a connection; None when there is (or one is up)."""
        if self._wants_connection() and (self._order_pending or self._orders.fresh or self._connector.awaited):
            return None
        return refusal(self.state, self._lifecycle.reason)

    @property
    def is_usable(self) -> bool:
        """Whether a connection is up on which something can be sent."""
        return self.usable() is not None

    async def connected(self) -> ConnectionAttempt:
        """The connection, as soon as it can be used."""
        while True:
            if (usable := self.usable()) is not None:
                return usable
            if (error := self.refusal()) is not None:
                raise error
            await self._lifecycle.changed.next()

    async def send(self, command: Command[OutgoingCommand], accepted: Accepted) -> None:
        """Send a message; see `connections.ports` for the whole promise."""
        await self._sender.send(command, accepted)

    async def use_passkey(self, command: Command[UsePasskey]) -> None:
        """Hand the person's assertion to WhatsApp."""
        await self._ceremony().prove(command.data.assertion)

    async def confirm_passkey(self, command: Command[ConfirmPasskey]) -> None:
        """Say whether the phone shows our code."""
        await self._ceremony().confirm(same=command.data.confirmed)

    def _ceremony(self) -> Ceremony:
        if self._connector.ceremony is None:
            raise SessionNotPairing
        return self._connector.ceremony

    async def mark_read(self, command: Command[MarkRead]) -> None:
        """Mark incoming messages read."""
        await self._immediate.mark_read(command)

    async def set_presence(self, command: Command[SetPresence]) -> None:
        """Show a chat what we do. Who is shown something is followed in turn, or who the command says."""
        await self._immediate.set_presence(command)
        if command.data.subscribe or command.data.state not in _SEEN_BY_ALL:
            self._presences.follow(jid_of(command.data.to))

    async def set_disappearing(self, command: Command[SetDisappearing]) -> None:
        """Set the timer of a chat."""
        await self._chats.set_disappearing(command)

    async def check_contacts(self, command: Command[CheckContacts]) -> ContactsChecked:
        """Which numbers are on WhatsApp."""
        return await self._immediate.check_contacts(command)

    async def get_picture(self, command: Command[GetPicture]) -> ContactPicture:
        """Where somebody's picture is."""
        return await self._immediate.get_picture(command)

    async def fetch_media(self, command: Command[FetchMedia]) -> None:
        """Have a message's media fetched into the bucket."""
        await self._media.fetch(command)

    # --- its life ---

    async def run(self) -> None:
        """Until it is deleted, given up by `leave` or `move`, or owned by another worker."""
        try:
            await self._run()
        except asyncio.CancelledError:  # cut short; whoever owns it next needs its connection
            await self._connector.hang_up(Purpose.LEAVE)
            raise

    async def _run(self) -> None:
        storage = self._context.storage
        await until_stored(
            lambda: self._identities.load(self.session_id, storage.keys)
        )  # before the first command comes
        await until_stored(lambda: self._timers.load(storage.timers))
        async with asyncio.TaskGroup() as tasks:
            intake = tasks.create_task(self._intake_controller.run())
            route = tasks.create_task(self._context.cache.put_route(self.session_id, self._context.worker_id))
            presences = tasks.create_task(self._presences.run())
            self._context.media.adopt(self._media)
            try:
                ending = await self._live()
            finally:
                await self._context.media.let_go(self.session_id)
                await end(intake, route, presences)
        grace = self._context.timeouts.settling if ending is _Ending.MOVE else 0
        await self._context.queues.pause(self.session_id, grace=grace)
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
                await self._connector.hang_up(Purpose.LEAVE)
                return _Ending.FENCED
            except Exception:  # noqa: BLE001 (a fault of ours in one session must not take the others down)
                _log.exception("session.failed", session=self.session_id)
                self._order_pending = True  # nobody is refused before its row has been read again
                await self._connector.hang_up(Purpose.LEAVE)
                await asyncio.sleep(_RECOVERY_SECONDS)
                self._connector.try_now()

    async def _steer(self) -> _Ending:
        """The loop: look at everything, do one thing, look again; rest when there is nothing to do."""
        while True:
            self._stir.clear()
            attempt = self._connector.attempt
            if self._fenced_since is not None:
                raise StaleEpoch
            if self._leaving:
                return _Ending.LEAVE
            if self._moving is not None:
                return _Ending.MOVE
            if attempt is not None and (attempt.over or attempt.purpose is not None):
                await self._connector.conclude()
            elif self._order_pending:
                await self._read_orders()
            else:
                if self._orders.fresh or self._orders.move:
                    self._lifecycle.follows_from(self._record.caused_by)
                match next_step(self._orders, linked=attempt is not None, due=self._connector.due):
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
                await self._connector.open(self._record, applied, reason)
            case Step.CLOSE:
                assert self._connector.attempt is not None, "only what is open is closed"
                self._connector.attempt.give_up(Purpose.RESTART if self._orders.restart else Purpose.REST)
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
        deadline = self._connector.deadline
        try:
            async with asyncio.timeout(
                None if deadline is None else max(0.0, deadline - self._context.clock.monotonic())
            ):
                await self._stir.wait()
        except TimeoutError:
            self._connector.check_silence()

    async def _read_orders(self) -> None:
        self._order_pending = False
        record = await until_stored(lambda: self._context.storage.sessions.get(self.session_id))
        if record is None or record.epoch != self.epoch:
            raise StaleEpoch
        if (record.limits, record.options) != (self._record.limits, self._record.options):
            self._sender.quota = quota_of(record, self._writer, self._context)
        if record.settings != self._record.settings:
            self._sender.typing = Typing(record, rng=self._context.rng)
            self._context.snapshots.changed(self._writer.fence)
        self._record: SessionRecord = record
        self._orders = Orders.of(record)

    async def _move_if_there_is_room(self) -> None:
        """Nobody gains from closing a connection that no other worker can open again."""
        moves = self._context.storage.moves
        room = await until_stored(lambda: moves.room(self._context.worker_id))
        if room.left:
            self.move(MOVING)
            return
        await until_stored(lambda: moves.stay(self.session_id, self.epoch))
        self._orders = self._orders.stayed()
        await self._lifecycle.remark(STAYS)

    async def _log_out(self) -> None:
        confirmed = await self._connector.unlink(self._record)
        await self._connector.hang_up(Purpose.LOGOUT)
        await self._lifecycle.follow(
            Trigger.UNLINKED,
            reason=LOGGED_OUT if confirmed else UNLINK_UNCONFIRMED,
            applied=self._orders.generation,
            also=[DropCredentials()],
        )
        self._context.snapshots.voided()
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
                await self._departure.release(self._moving, left=self._context.worker_id)
                self.handed_over = True
            case _Ending.FENCED:
                self._let_go()

    def _let_go(self) -> None:
        _log.warning("session.taken_over", session=self.session_id)
        self._context.announcer.let_go(self.session_id)

    def _retire(self) -> None:
        self.retired = True

    # --- what it knows of itself ---

    def proxy(self) -> str | None:
        """Where its connections go through, as its row has it."""
        proxy = self._record.options.get("proxy")
        return proxy if isinstance(proxy, str) else None

    def _wants_connection(self) -> bool:
        return self._orders.desired is Desired.CONNECTED

    def is_awaited(self) -> bool:
        """Whether commands wait for a connection."""
        return self.usable() is None and self.refusal() is None

    def usable(self) -> ConnectionAttempt | None:
        """Its connection, where it can be used."""
        attempt = self._connector.attempt
        return attempt if attempt is not None and attempt.usable else None

    def _is_settled(self) -> bool:
        if self._connector.attempt is not None:
            return self._connector.attempt.settled
        return self.retired or not (self._connector.due or self._orders.fresh)

    def wake(self) -> None:
        """Something happened: the loop looks again."""
        self._stir.set()
        self._lifecycle.changed.fire()
