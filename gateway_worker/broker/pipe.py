"""Publishing on one channel, in the order of the calls, many at a time."""

import asyncio
import uuid
from functools import partial
from typing import Any, Final, cast

from aiormq.channel import Channel

from gateway_worker.broker import frames
from gateway_worker.broker.errors import BrokerLost, meaning_of, translated
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.broker.writing import Batch

_CLOSE_SECONDS: Final = 5.0


class Pipe:
    """A channel for publishing; nothing else publishes on it.

    It breaks once and for good: what was published before it broke is stored, or will be, as a prefix of what was
    asked. Whoever cares for order repeats the rest through another pipe, after all that is under way here is settled.

    The driver keeps the account of confirms (`Channel.confirmations`, by delivery tag) and of returned messages (by
    message id); we enter our publishes there, and write the frames ourselves.
    """

    def __init__(self, channel: Channel, batch: Batch) -> None:
        self._channel = channel
        self._batch = batch
        self._under_way: dict[str, asyncio.Future[None]] = {}
        cast("asyncio.Future[Any]", channel.closing).add_done_callback(self._break)

    @property
    def is_open(self) -> bool:
        """Whether publishing through it still makes sense."""
        return not self._channel.is_closed and self._channel.connection.is_opened

    async def publish(self, message: Outgoing) -> None:
        """Publish, and return when the broker has confirmed it. There is no deadline.

        Raises:
            Unroutable: no queue took it.
            PublishRefused: a queue refused it.
            BrokerLost: it may or may not have been stored.
        """
        while message.message_id is not None and (same := self._under_way.get(message.message_id)) is not None:
            await asyncio.wait({same})  # a return names its message by this id only
        await self.submit(message)

    def submit(self, message: Outgoing) -> asyncio.Future[None]:
        """Publish; the answer ends as `publish` does. Nothing with the same message id may be under way.

        Raises:
            ValueError: the routing key is longer than AMQP allows.
        """
        message_id = message.message_id
        if message_id is None or not frames.fits(message_id):
            message_id = uuid.uuid4().hex
        assert message_id not in self._under_way
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.is_open:
            answer.set_exception(BrokerLost("the pipe is broken"))
            return answer
        channel = self._channel
        payload = frames.publish(channel.number, message, message_id=message_id, max_content=channel.max_content_size)
        self._under_way[message_id] = answer
        confirmation: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        confirmation.add_done_callback(partial(self._settle, message_id))
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = confirmation
        channel.message_id_delivery_tag[message_id] = channel.delivery_tag
        self._batch.write(payload)
        return answer

    async def settled(self) -> None:
        """Returns when nothing is under way any more."""
        while self._under_way:
            await asyncio.wait(set(self._under_way.values()))

    async def close(self) -> None:
        """Give the channel back. Call it when nothing is under way."""
        if not self.is_open:
            return
        try:
            with translated():
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._channel.close()
        except BrokerLost:
            return  # then it is closed all the same

    def _settle(self, message_id: str, confirmation: "asyncio.Future[Any]") -> None:
        """The broker has confirmed, returned or refused it."""
        self._channel.message_id_delivery_tag.pop(message_id, None)
        answer = self._under_way.pop(message_id, None)
        error = confirmation.exception()
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception((isinstance(error, Exception) and meaning_of(error)) or error)

    def _break(self, closing: "asyncio.Future[Any]") -> None:
        """The channel is gone: nothing more will be confirmed."""
        reason = None if closing.cancelled() else closing.exception()
        broken = meaning_of(reason) if isinstance(reason, Exception) else None
        for answer in self._under_way.values():
            if not answer.done():
                answer.set_exception(broken or BrokerLost("the channel was closed"))
        self._under_way.clear()
