"""Handing a message to WhatsApp until its fate is certain: again under the same id, and not for ever."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.outgoing.chat_order import Slot
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.attempt import ConnectionAttempt, Purpose
from gateway_worker.connections.socket.waiting import ConnectionWaiter, connection_before
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.spans import SpanKind, past, span
from gateway_worker.whatsapp.errors import (
    EngineError,
    KeysInvalid,
    NotAdmin,
    NotConnected,
    NotForwardable,
    OutcomeUnknown,
    RecipientUnknown,
    Refused,
    StoreRefused,
)
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from schemas.addresses import Jid
from schemas.commands.commands import Command
from schemas.commands.messages import OutgoingCommand
from schemas.errors import (
    CommandInvalid,
    GatewayError,
    Internal,
    MessageKeysInvalid,
    MessageNotFound,
    MessageRecipientUnknown,
    MessageRejectedByWhatsApp,
    MessageUnconfirmed,
)
from schemas.names import MessageId, SessionId

MAX_TRIES: Final = 3
"""Contract, section 4, "Silence"; counted over all lives, so that a worker that dies at each try does not go on."""
_PAUSE_SECONDS: Final = 1.0  # after a failure that nobody can explain

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendJob:
    """One message on its way.

    Attributes:
        tries: how often it was handed to WhatsApp's encryption in earlier lives.
        is_repeated: it was begun before.
        accepting: makes it durable meanwhile, and says so; None: that is done.
    """

    command: Command[OutgoingCommand]
    message: OutgoingMessage
    slot: Slot
    tries: int
    is_repeated: bool = False
    accepting: asyncio.Task[Any] | None = None

    def must_be_wanted(self) -> None:
        """Raise what speaks against sending it, if that is known by now."""
        if self.accepting is not None and self.accepting.done():
            self.accepting.result()

    async def must_be_accepted(self) -> None:
        """Raise what speaks against sending it again."""
        if self.accepting is not None:
            await asyncio.shield(self.accepting)

    @property
    def may_have_left(self) -> bool:
        """Whether WhatsApp may have it from an earlier life."""
        return self.tries > 0


class SendAttempts:
    """Makes the tries of one session's messages."""

    def __init__(
        self,
        session_id: SessionId,
        waiter: ConnectionWaiter,
        *,
        originals: Originals,
        resolver: Resolver,
        clock: Clock,
        observer: SessionObserver,
        storage: Storage,
    ) -> None:
        self._session_id = session_id
        self._resolver = resolver
        self._originals = originals
        self._waiter = waiter
        self._clock = clock
        self._observer = observer
        self._storage = storage

    async def make(self, job: SendJob) -> datetime | None:
        """Send until WhatsApp's server has it; returns its time, or None if that is on record by now.

        Raises:
            GatewayError: it failed for good, and why.
        """
        tries, may_have_left, is_repeated = job.tries, job.may_have_left, job.is_repeated
        while True:
            attempt = await self._connected(job, may_have_left=may_have_left)
            if may_have_left and await self._is_settled(job.message.message_id):
                return None  # a receipt came instead of the acknowledgement
            if is_repeated and await self._originals.is_revoked(MessageId(job.message.message_id)):
                raise MessageUnconfirmed if may_have_left else MessageNotFound  # what was deleted is not sent again
            if not await job.slot.turn_on(attempt):
                continue  # it ended before those before us were on it again
            job.must_be_wanted()
            try:
                job.slot.hand_over(attempt)
                _log.debug("message.handed_over", session=self._session_id, tries=tries)
                with span("bridge send", SpanKind.CLIENT):
                    acknowledged = await attempt.connection.send(job.message)
                    self._record_wire_time(acknowledged)
            except EngineError as error:
                if (refusal := _refusal(error)) is not None:
                    raise refusal from error
                if not isinstance(error, NotConnected | StoreRefused):
                    tries += 1
                    may_have_left = may_have_left or isinstance(error, OutcomeUnknown)
                if tries >= MAX_TRIES:
                    raise _given_up(error, may_have_left=may_have_left) from error
                await job.must_be_accepted()
                await self._recover(job, attempt, error)
            else:
                return datetime.fromtimestamp(acknowledged.timestamp, UTC)
            is_repeated = True
            self._observer.send_retried()

    def _record_wire_time(self, acknowledged: Acknowledged) -> None:
        _log.debug("message.acknowledged", session=self._session_id, wire_ms=round(acknowledged.wire_seconds * 1000))
        past("whatsapp acknowledge", datetime.now(UTC) - timedelta(seconds=acknowledged.wire_seconds), SpanKind.CLIENT)

    async def address(self, job: SendJob) -> Jid:
        """The name of the chat that it goes to, as WhatsApp has it; asked when nobody knows it yet.

        Raises:
            GatewayError: nobody has that number, or WhatsApp does not say.
        """
        tries = 0
        while True:
            attempt = await self.connected(job)
            try:
                with job.slot.asking():
                    return await self._resolver.on(attempt.connection, job.command.data.recipient)
            except EngineError as error:
                if (refusal := _refusal(error)) is not None:
                    raise refusal from error
                tries += not isinstance(error, NotConnected | StoreRefused)
                if tries >= MAX_TRIES:
                    raise _given_up(error, may_have_left=job.may_have_left) from error
                await self._recover(job, attempt, error)

    async def connected(self, job: SendJob) -> ConnectionAttempt:
        """A connection to send on. A command is not started after it expired; what may have left is past that.

        Raises:
            GatewayError: there is none, and none will come.
        """
        return await self._connected(job, may_have_left=job.may_have_left)

    async def _connected(self, job: SendJob, *, may_have_left: bool) -> ConnectionAttempt:
        try:
            deadline = None if may_have_left else job.command.expires_at
            return await connection_before(self._waiter, deadline, self._clock)
        except GatewayError as error:
            raise (MessageUnconfirmed() if may_have_left else error) from error

    async def _is_settled(self, message_id: str) -> bool:
        found = await until_stored(lambda: self._storage.messages.get(self._session_id, MessageId(message_id)))
        return found is not None and found.is_final

    async def _recover(self, job: SendJob, attempt: ConnectionAttempt, error: EngineError) -> None:
        """Returns when another try makes sense."""
        match error:
            case NotConnected() | StoreRefused():
                await attempt.really_ended()
            case OutcomeUnknown():
                attempt.give_up(Purpose.RENEW)
                await attempt.really_ended()
            case _:
                job.slot.take_back()
                _log.warning("message.send_broke", session=self._session_id, error=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)


def _given_up(error: EngineError, *, may_have_left: bool) -> GatewayError:
    """What it means that the last try failed."""
    if may_have_left:
        return MessageUnconfirmed()
    return MessageKeysInvalid() if isinstance(error, KeysInvalid) else Internal()


def _refusal(error: EngineError) -> GatewayError | None:  # noqa: PLR0911 (one line an error)
    """What another try would not change."""
    match error:
        case Refused(code="404"):
            return MessageRecipientUnknown(detail={"whatsappCode": error.code})
        case Refused():
            return MessageRejectedByWhatsApp(error.code)
        case RecipientUnknown():
            return MessageRecipientUnknown()
        case NotForwardable(whatsapp_type=None):
            return CommandInvalid.at("data.messageId", "must not be a message that is viewed once")
        case NotForwardable():
            return CommandInvalid.at("data.messageId", f"must not be of WhatsApp's type {error.whatsapp_type}")
        case NotAdmin():
            return CommandInvalid.at("data.messageId", "must be by this session, which is no admin of the group")
        case _:
            return None
