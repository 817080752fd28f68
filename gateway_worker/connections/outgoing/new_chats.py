"""When the messages of a chat go that begins with one of ours: as the account's new chats do, as in WhatsApp Web."""

from dataclasses import replace

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.messages.timers import Timers, reported_timer
from gateway_worker.connections.outgoing.attempts import SendJob
from gateway_worker.store.operations.messages import SetExpiry
from gateway_worker.store.operations.operation import Operation
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.timers import Timer
from schemas.addresses import AddressKind, Jid, kind_of
from schemas.commands.messages import ForwardMessage, SendMessage
from schemas.names import MessageId

_PEOPLE = (AddressKind.USER, AddressKind.LID)


class NewChats:
    """Gives the messages of one session their timer, where it was not known as they were begun."""

    def __init__(self, writer: Writer, timers: Timers, *, storage: Storage, clock: Clock) -> None:
        self._writer = writer
        self._storage = storage
        self._clock = clock
        self._timers = timers

    async def timed(self, job: SendJob) -> SendJob:
        """The message, at its turn and addressed: with what the chat has by now, or begins with.

        What a new chat begins with is stored and told before anything leaves: the message sent again says the same.
        """
        chat = Jid(job.message.to)
        if job.message.timer is not None or not isinstance(job.command.data, SendMessage | ForwardMessage):
            return job
        if (known := self._timers.of(chat)) is not None:
            return await self._with(job, reported_timer(known))
        seconds = self._timers.of_new_chats
        if not seconds or kind_of(chat) not in _PEOPLE or not await self._is_new(chat):
            return job
        now = self._clock.now()
        timer = Timer(seconds=seconds, changed_at=int(now.timestamp()), by_me=True, of_new_chats=True)
        return await self._with(job, timer, *self._timers.set_by_us(chat, seconds, now))

    async def _is_new(self, chat: Jid) -> bool:
        names, own = self._timers.names_of(chat)
        rows = self._storage.timers
        return await until_stored(lambda: rows.is_new(self._writer.fence.session_id, names, own))

    async def _with(self, job: SendJob, timer: Timer, *stored: Operation[int]) -> SendJob:
        expiring = [SetExpiry(message_id=_id(job), seconds=timer.seconds)] if timer.seconds else []
        await job.must_be_accepted()  # there is a row by then
        if operations := [*stored, *expiring]:
            await self._writer.write_surely(*operations)
            self._timers.learn(operations)
        return replace(job, message=replace(job.message, timer=timer))


def _id(job: SendJob) -> MessageId:
    return MessageId(job.message.message_id)
