"""Sending messages: begun once, in the order of their chat, acknowledged by WhatsApp's server or failed with a reason.

The WhatsApp id is derived from the command's key, so every repetition, in this life or the next, is the same message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.ports import Files
from gateway_worker.connections.base.signals import Signal, until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.messages.ids import MessageIds
from gateway_worker.connections.messages.originals import Originals, Referred
from gateway_worker.connections.messages.timers import Timers, reported_timer
from gateway_worker.connections.outgoing.attachments import Attachments
from gateway_worker.connections.outgoing.attempts import MAX_TRIES, SendAttempts, SendJob
from gateway_worker.connections.outgoing.chat_order import ChatOrder, Slot
from gateway_worker.connections.outgoing.mapping import (
    begin_operation,
    check_original,
    check_source,
    file_content,
    file_of,
    outgoing,
)
from gateway_worker.connections.outgoing.quota import Quota
from gateway_worker.connections.outgoing.typing_indicator import Typing
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.waiting import ConnectionWaiter
from gateway_worker.store.operations.commands import AlreadySettled, Begun, Conflict, InProgress
from gateway_worker.store.operations.messages import ReplaceContent
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import MessageRecord, Status
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.spans import span
from gateway_worker.whatsapp.files import Repetition
from gateway_worker.whatsapp.timers import Timer
from schemas.addresses import Jid, country_of
from schemas.commands.commands import Command
from schemas.commands.messages import ForwardMessage, OutgoingCommand, SendMessage
from schemas.content.content import MediaState
from schemas.errors import (
    CommandConflict,
    CommandExpired,
    GatewayError,
    Internal,
    MediaError,
    MessageNotFound,
    MessageRejectedByWhatsApp,
    MessageUnconfirmed,
    Unavailable,
)
from schemas.events.failures import Failure
from schemas.names import MessageId

_log = structlog.get_logger()

Accepted = Callable[[MessageId], Awaitable[None]]


class OutgoingSender:
    """Sends the messages of one owned session."""

    def __init__(
        self,
        writer: Writer,
        waiter: ConnectionWaiter,
        *,
        ids: MessageIds,
        quota: Quota,
        typing: Typing,
        identities: Identities,
        originals: Originals,
        timers: Timers,
        resolver: Resolver,
        clock: Clock,
        files: Files,
        observer: SessionObserver,
        storage: Storage,
        timeouts: Timeouts,
    ) -> None:
        self._writer = writer
        self._session_id = writer.fence.session_id
        self._waiter = waiter
        self._clock = clock
        self._files = files
        self._observer = observer
        self._storage = storage
        self._timeouts = timeouts
        self._attempts = SendAttempts(
            writer.fence.session_id,
            waiter,
            originals=originals,
            resolver=resolver,
            clock=clock,
            observer=observer,
            storage=storage,
        )
        self._attachments = Attachments(
            writer, waiter, clock=clock, files=files, observer=observer, storage=storage, timeouts=timeouts
        )
        self._ids = ids
        self._originals = originals
        self._order = ChatOrder()
        self._in_progress: set[MessageId] = set()
        self._left = Signal()
        self.quota = quota
        self.typing = typing
        self._identities = identities
        self._timers = timers

    async def send(self, command: Command[OutgoingCommand], accepted: Accepted) -> None:
        """Send a message; returns when it is settled. See `connections.ports` for the whole promise.

        Raises:
            GatewayError: it was refused before it was accepted.
            StaleEpoch: another worker owns the session.
        """
        arrived = self._clock.monotonic()
        slot = self._take_place(command.data.recipient)  # before the first await: the order of calls is the order
        try:
            message_id = await self._ids.of(command.key)
            while message_id in self._in_progress:
                await self._left.next()
            with self._exclusively(message_id), structlog.contextvars.bound_contextvars(message_id=message_id):
                await self._begin_and_deliver(command, message_id, slot, accepted, arrived)
        finally:
            slot.leave()

    def _take_place(self, recipient: Jid) -> Slot:
        """In the queue of its chat; a number that was never asked about is settled before anybody behind it starts."""
        unsettled = None if self._identities.is_settled(recipient) else recipient
        return self._order.take(self._identities.order_key(recipient), among=country_of(recipient), unsettled=unsettled)

    def is_sending(self, message_id: MessageId) -> bool:
        """Whether this message is on its way just now."""
        return message_id in self._in_progress

    @contextmanager
    def _exclusively(self, message_id: MessageId) -> Generator[None]:
        self._in_progress.add(message_id)
        try:
            yield
        finally:
            self._in_progress.discard(message_id)
            self._left.fire()

    async def _begin_and_deliver(
        self, command: Command[OutgoingCommand], message_id: MessageId, slot: Slot, accepted: Accepted, arrived: float
    ) -> None:
        referred = await self._originals.find(command.data)
        answer = await self._begin(command, message_id, referred)
        _log.debug("message.begun", session=self._session_id, kind=command.kind.type, answer=type(answer).__name__)
        await accepted(message_id)
        if isinstance(answer, AlreadySettled) and not (command.redriven and _was_our_fault(answer)):
            return
        try:
            original = None if referred is None else referred.original(self._waiter.jid)
            job = SendJob(
                command=command,
                message=replace(
                    outgoing(command, message_id, original), to=self._chat(command), timer=self._timer(command)
                ),
                slot=slot,
                tries=await self._tried(message_id) if isinstance(answer, InProgress) else 0,
                is_repeated=not isinstance(answer, Begun),
            )
            at, chat = await self._deliver(job)
        except Unavailable:
            raise  # nothing is known of the message's fate: the same command goes on elsewhere or later
        except GatewayError as error:
            await self._fail(command, message_id, error)
        else:
            if at is not None:
                # By the name it has now: meanwhile it may have been learnt whose LID it is
                named = self._identities.chat_of(chat)
                sent = AdvanceStatus(message_id=message_id, status=Status.SENT, at=at, chat=named)
                with span("store sent"):
                    await self._writer.write_surely(sent)
            _log.debug("message.sent", session=self._session_id)
            self._observer.message_sent(self._clock.monotonic() - arrived)

    async def _begin(
        self, command: Command[OutgoingCommand], message_id: MessageId, referred: Referred | None
    ) -> Begun | InProgress | AlreadySettled:
        """Make it durable as pending, unless it is refused first; what was accepted earlier is never refused."""
        reserved = None
        try:
            self._check(command, referred)
            reserved = await until_stored(self.quota.reserve)
        except GatewayError:
            if await self._stored(message_id) is None:
                raise
        answer = None
        try:
            record = None if referred is None else referred.record
            begin = begin_operation(command, message_id, record)
            timer = self._timer(command)
            expires_at = None if timer is None else timer.expires_at(self._clock.now())
            (answer,) = await self._writer.write_surely(replace(begin, chat=self._chat(command), expires_at=expires_at))
        finally:
            if not isinstance(answer, Begun):
                await self.quota.give_back(reserved)
        match answer:
            case Begun():
                self._observer.message_begun()
                return answer
            case InProgress() | AlreadySettled():
                return answer
            case Conflict():
                raise CommandConflict
            case _:
                raise TypeError(type(answer).__name__)

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
            same = self._identities.chat_of(Jid(referred.record.chat)) == self._chat(command)
            check_original(command.data, referred.record, same_chat=same, is_revoked=referred.is_revoked)

    async def _deliver(self, job: SendJob) -> tuple[datetime | None, Jid]:
        """Send until WhatsApp's server has it; returns its time, or None if that is on record by now, and the chat.

        Raises:
            GatewayError: it failed for good, and why.
        """
        if job.tries >= MAX_TRIES:
            raise MessageUnconfirmed
        if job.command.data.refers_to is not None and job.message.original is None:
            raise MessageNotFound
        try:
            with span("prepare"):
                async with asyncio.timeout(self._seconds_left(job)):
                    job = await self._prepared(job)
        except TimeoutError:
            raise CommandExpired from None
        at = await self._attempts.make(job)
        job.slot.leave()  # the next of this chat need not wait for our bookkeeping
        return at, Jid(job.message.to)

    async def _prepared(self, job: SendJob) -> SendJob:
        """Addressed, with its file at WhatsApp, and at its turn on a connection."""
        job = await self._addressed(job)
        job = await self._with_file(job)
        await job.slot.turn()
        attempt = await self._attempts.connected(job)
        await self.typing.show(job, attempt, self._seconds_left(job))
        await self.quota.pace(self._identities.chat_of(Jid(job.message.to)))
        _log.debug("message.prepared", session=self._session_id)
        return job

    async def _addressed(self, job: SendJob) -> SendJob:
        """To the chat as WhatsApp names it, and in its queue, with all that stand there for the same number."""
        recipient = job.command.data.recipient
        to = await self._attempts.address(job)
        self._order.settle(recipient, self._identities.order_key(to))
        return replace(job, message=replace(job.message, to=to))

    async def _with_file(self, job: SendJob) -> SendJob:
        """With its file at WhatsApp, if it has one; what may have left goes again as it was, file and all."""
        content, message_id = file_of(job.command.data), MessageId(job.message.message_id)
        if content is None:
            return job
        plaintext = await self._plaintext(message_id) if job.may_have_left else None
        if plaintext is None:
            carried = replace(job.message, content=await self._attachments.attach(message_id, content))
        else:
            carried = replace(job.message, content=Repetition(plaintext=plaintext), original=None)
        return replace(job, message=carried)

    def _chat(self, command: Command[OutgoingCommand]) -> Jid:
        return self._identities.chat_of(command.data.recipient)

    def _timer(self, command: Command[OutgoingCommand]) -> Timer | None:
        """When what it sends disappears: as it says, or as the chat's timer is. None: nobody knows of one."""
        match command.data:
            case SendMessage(disappearing_seconds=int(seconds)):
                return Timer(seconds=seconds)
            case SendMessage() | ForwardMessage():
                known = self._timers.of(self._chat(command))
                return None if known is None else reported_timer(known)
            case _:
                return None

    def _seconds_left(self, job: SendJob) -> float | None:
        """Until it must have been started; None: as long as it takes."""
        if job.may_have_left or job.command.expires_at is None:
            return None
        return max(0.0, (job.command.expires_at - self._clock.now()).total_seconds())

    async def _fail(self, command: Command[OutgoingCommand], message_id: MessageId, error: GatewayError) -> None:
        _log.info("message.failed", session=self._session_id, code=error.code)
        self._observer.message_failed(error.code)
        if isinstance(error, MessageRejectedByWhatsApp):
            await self.quota.refused(error)
        failed: list[Operation[object]] = [
            AdvanceStatus(
                message_id=message_id,
                status=Status.FAILED,
                at=self._clock.now(),
                error=Failure.of(error).to_data(),
            )
        ]
        content = file_of(command.data)
        if content is not None and isinstance(error, MediaError | CommandExpired):
            shown = file_content(content, MediaState.FAILED)
            failed.append(ReplaceContent(message_id=message_id, content=shown.to_data()))
        await self._writer.write_surely(*failed)

    async def _stored(self, message_id: MessageId) -> MessageRecord | None:
        return await until_stored(lambda: self._storage.messages.get(self._session_id, message_id))

    async def _tried(self, message_id: MessageId) -> int:
        return await until_stored(lambda: self._storage.messages.tries(self._session_id, message_id))

    async def _plaintext(self, message_id: MessageId) -> bytes | None:
        return await until_stored(lambda: self._storage.messages.plaintext(self._session_id, message_id))


def _was_our_fault(settled: AlreadySettled) -> bool:
    """Whether it failed without ever having left, because of a fault of ours: a person may have it tried again."""
    return settled.status is Status.FAILED and settled.error is not None and settled.error["code"] == Internal.code
