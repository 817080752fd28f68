"""Sending messages: begun once, in the order of their chat, acknowledged by WhatsApp's server or failed with a reason.

The WhatsApp id is derived from the command's key, so every repetition, in this life or the next, is the same message.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.ports import Files
from gateway_worker.connections.base.signals import Signal, until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.messages.ids import MessageIds
from gateway_worker.connections.messages.joint_begins import JointBegins
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.outgoing.accepting import Accepted, Acceptor, Send
from gateway_worker.connections.outgoing.attachments import Attachments
from gateway_worker.connections.outgoing.attempts import MAX_TRIES, SendAttempts, SendJob
from gateway_worker.connections.outgoing.chat_order import ChatOrder, Slot
from gateway_worker.connections.outgoing.mapping import (
    file_content,
    file_of,
    outgoing,
)
from gateway_worker.connections.outgoing.new_chats import NewChats
from gateway_worker.connections.outgoing.quota import Quota
from gateway_worker.connections.outgoing.typing_indicator import Typing
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.waiting import ConnectionWaiter
from gateway_worker.store.operations.commands import (
    AlreadySettled,
    Begun,
    InProgress,
)
from gateway_worker.store.operations.messages import ReplaceContent
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import Status
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.spans import span
from gateway_worker.whatsapp.files import Repetition
from schemas.addresses import Jid, country_of
from schemas.commands.commands import Command
from schemas.commands.messages import OutgoingCommand
from schemas.content.content import MediaState
from schemas.errors import (
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
        begins: JointBegins,
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
        self._observer = observer
        self._storage = storage
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
        self.typing = typing
        self._identities = identities
        self._begins = begins
        self._new_chats = NewChats(writer, timers, storage=storage, clock=clock)
        self._acceptor = Acceptor(
            writer,
            waiter,
            quota=quota,
            identities=identities,
            timers=timers,
            begins=begins,
            clock=clock,
            observer=observer,
            storage=storage,
        )

    @property
    def quota(self) -> Quota:
        """How much may leave."""
        return self._acceptor.quota

    @quota.setter
    def quota(self, quota: Quota) -> None:
        self._acceptor.quota = quota

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
                referred = await self._originals.find(command.data)
                send = Send(command=command, message_id=message_id, slot=slot, referred=referred, arrived=arrived)
                await self._begin_and_deliver(send, accepted)
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

    async def _begin_and_deliver(self, send: Send, accepted: Accepted) -> None:
        reserved = await self._acceptor.admit(send)
        if await self._acceptor.leaves_at_once(send):
            offer = self._begins.offer(self._acceptor.begin(send))
            accepting = asyncio.create_task(self._acceptor.accept(send, reserved, accepted, offer))
            try:
                await self._deliver_and_settle(send, Begun(), accepting)
            except asyncio.CancelledError:
                accepting.cancel()
                raise
            finally:
                try:
                    await accepting  # what it raises stands above what that led to
                finally:
                    self._begins.withdraw(offer)
            return
        answer = await self._acceptor.accept(send, reserved, accepted)
        if isinstance(answer, AlreadySettled) and not (send.command.redriven and _was_our_fault(answer)):
            return
        await self._deliver_and_settle(send, answer)

    async def _deliver_and_settle(
        self,
        send: Send,
        answer: Begun | InProgress | AlreadySettled,
        accepting: asyncio.Task[Any] | None = None,
    ) -> None:
        command, message_id, referred = send.command, send.message_id, send.referred
        try:
            original = None if referred is None else referred.original(self._waiter.jid)
            message = outgoing(command, message_id, original)
            job = SendJob(
                command=command,
                message=replace(message, to=self._acceptor.chat(command), timer=self._acceptor.timer(command)),
                slot=send.slot,
                tries=await self._tried(message_id) if isinstance(answer, InProgress) else 0,
                is_repeated=not isinstance(answer, Begun),
                accepting=accepting,
            )
            at, chat = await self._deliver(job)
        except Unavailable:
            raise  # nothing is known of the message's fate: the same command goes on elsewhere or later
        except GatewayError as error:
            if accepting is not None:
                await accepting  # what was refused has no fate
            await self._fail(command, message_id, error)
        else:
            await self._settle(message_id, at, chat)
            self._observer.message_sent(self._clock.monotonic() - send.arrived)

    async def _settle(self, message_id: MessageId, at: datetime | None, chat: Jid) -> None:
        """WhatsApp's server has it; `at` is None where that is on record."""
        if at is not None:
            # By the name it has now: meanwhile it may have been learnt whose LID it is
            named = self._identities.chat_of(chat)
            sent = AdvanceStatus(message_id=message_id, status=Status.SENT, at=at, chat=named)
            with span("store sent"):
                await self._writer.write_surely(sent)
        _log.debug("message.sent", session=self._session_id)

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
        job = await self._new_chats.timed(job)
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

    async def _tried(self, message_id: MessageId) -> int:
        return await until_stored(lambda: self._storage.messages.tries(self._session_id, message_id))

    async def _plaintext(self, message_id: MessageId) -> bytes | None:
        return await until_stored(lambda: self._storage.messages.plaintext(self._session_id, message_id))


def _was_our_fault(settled: AlreadySettled) -> bool:
    """Whether it failed without ever having left, because of a fault of ours: a person may have it tried again."""
    return settled.status is Status.FAILED and settled.error is not None and settled.error["code"] == Internal.code
