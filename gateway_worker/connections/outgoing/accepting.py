"""Accepting a message: on record as pending before anything of it leaves, unless it is refused."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.messages.joint_begins import JointBegins, Offer
from gateway_worker.connections.messages.originals import Referred
from gateway_worker.connections.messages.timers import Timers, reported_timer
from gateway_worker.connections.outgoing.chat_order import Slot
from gateway_worker.connections.outgoing.mapping import begin_operation, check_original, check_source, file_of
from gateway_worker.connections.outgoing.quota import Quota, Reserved
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.socket.waiting import ConnectionWaiter
from gateway_worker.store.operations.commands import (
    AlreadySettled,
    BeginAnswer,
    BeginMessage,
    Begun,
    Conflict,
    InProgress,
)
from gateway_worker.store.records import MessageRecord
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.timers import Timer
from schemas.addresses import Jid
from schemas.commands.commands import Command
from schemas.commands.messages import ForwardMessage, OutgoingCommand, SendMessage
from schemas.errors import CommandConflict, CommandExpired, GatewayError, MessageNotFound
from schemas.names import MessageId

_log = structlog.get_logger()

Accepted = Callable[[MessageId], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A message that is to be sent.

    Attributes:
        slot: its place in its chat.
        referred: the earlier message that it is about, if it is.
        arrived: when the command came, on the monotonic clock.
    """

    command: Command[OutgoingCommand]
    message_id: MessageId
    slot: Slot
    referred: Referred | None
    arrived: float


class Acceptor:
    """Accepts the messages of one owned session."""

    def __init__(
        self,
        writer: Writer,
        waiter: ConnectionWaiter,
        *,
        quota: Quota,
        identities: Identities,
        timers: Timers,
        begins: JointBegins,
        clock: Clock,
        observer: SessionObserver,
        storage: Storage,
    ) -> None:
        self._writer = writer
        self._session_id = writer.fence.session_id
        self._waiter = waiter
        self._clock = clock
        self._observer = observer
        self._storage = storage
        self.quota = quota
        self._identities = identities
        self._timers = timers
        self._begins = begins

    async def leaves_at_once(self, send: Send) -> bool:
        """Whether nothing is to be waited for before it is encrypted, and it is new: then both are written together."""
        if not (self._waiter.is_usable and send.slot.is_next) or file_of(send.command.data) is not None:
            return False
        messages = self._storage.messages
        return not await until_stored(lambda: messages.is_known(self._session_id, send.message_id, send.command.key))

    async def admit(self, send: Send) -> Reserved | None:
        """Its place in the quota, unless it is refused; what was accepted earlier is never refused."""
        try:
            self._check(send.command, send.referred)
            return await until_stored(self.quota.reserve)
        except GatewayError:
            if await self._stored(send.message_id) is None:
                raise
            return None

    async def accept(
        self, send: Send, reserved: Reserved | None, accepted: Accepted, offer: Offer | None = None
    ) -> Begun | InProgress | AlreadySettled:
        """Make it durable as pending, and say so; what is on offer with its ratchet, if that comes soon."""
        answer: BeginAnswer = Conflict()
        try:
            if offer is None:
                answer = await self._write_begin(self.begin(send))
            else:
                answer = await self._begins.durable(offer, self._write_begin)
        finally:
            if not isinstance(answer, Begun):
                await self.quota.give_back(reserved)
        if isinstance(answer, Conflict):
            raise CommandConflict
        if isinstance(answer, Begun):
            self._observer.message_begun()
        kind = send.command.kind.type
        _log.debug("message.begun", session=self._session_id, kind=kind, answer=type(answer).__name__)
        await accepted(send.message_id)
        return answer

    def begin(self, send: Send) -> BeginMessage:
        """What puts it on record."""
        referred, timer = send.referred, self.timer(send.command)
        begin = begin_operation(send.command, send.message_id, None if referred is None else referred.record)
        expires_at = None if timer is None else timer.expires_at(self._clock.now())
        return replace(begin, chat=self.chat(send.command), expires_at=expires_at)

    async def _write_begin(self, begin: BeginMessage) -> BeginAnswer:
        (answer,) = await self._writer.write_surely(begin)
        return answer

    def _check(self, command: Command[OutgoingCommand], referred: Referred | None) -> None:
        """Raise what speaks against accepting it now."""
        if command.expires_at is not None and command.expires_at <= self._clock.now():
            raise CommandExpired
        if (refusal := self._waiter.refusal()) is not None:
            raise refusal
        check_source(command.data, self._session_id)
        if command.data.refers_to is not None:
            if referred is None:
                raise MessageNotFound
            same = self._identities.chat_of(Jid(referred.record.chat)) == self.chat(command)
            check_original(command.data, referred.record, same_chat=same, is_revoked=referred.is_revoked)

    def chat(self, command: Command[OutgoingCommand]) -> Jid:
        """The chat that it goes to, by the name it has now."""
        return self._identities.chat_of(command.data.recipient)

    def timer(self, command: Command[OutgoingCommand]) -> Timer | None:
        """When what it sends disappears: as it says, or as the chat's timer is. None: nobody knows of one."""
        match command.data:
            case SendMessage(disappearing_seconds=int(seconds)):
                return Timer(seconds=seconds)
            case SendMessage() | ForwardMessage():
                known = self._timers.of(self.chat(command))
                return None if known is None else reported_timer(known)
            case _:
                return None

    async def _stored(self, message_id: MessageId) -> MessageRecord | None:
        return await until_stored(lambda: self._storage.messages.get(self._session_id, message_id))
