"""A steady load: commands from a backend, messages from phones. What was not confirmed is repeated, nothing else.

A chat is a lane: its next message goes when the last one is confirmed, so that both sides agree on the order.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.accounts.journal import Journal
from tests.chaos.accounts.ledgers import Command, Event, PhoneMessage
from tests.chaos.environment.control import WhatsApp
from tests.chaos.environment.publisher import Publisher
from tests.support.whatsapp.phones import Phone

_PAUSE_SECONDS: Final = 0.25
_READ_EVERY: Final = 10

Act = Callable[[int], Awaitable[None]]
"""Does the message of that number, and returns when it is confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A session and somebody it talks with. `number` is the session's own phone number."""

    session_id: str
    number: str
    friend: Phone


async def paced(total: int, rate: float, lanes: Sequence[Act]) -> None:
    """`total` acts at `rate` per second, dealt out to lanes that each do one at a time."""
    queues = [asyncio.Queue[int | None]() for _ in lanes]
    async with asyncio.TaskGroup() as group:
        for queue, lane in zip(queues, lanes, strict=True):
            group.create_task(_work(queue, lane))
        started = time.monotonic()
        for number in range(total):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            queues[number % len(lanes)].put_nowait(number)
        for queue in queues:
            queue.put_nowait(None)


async def _work(queue: "asyncio.Queue[int | None]", lane: Act) -> None:
    while (number := await queue.get()) is not None:
        await lane(number)


def commanding(publisher: Publisher, chat: Chat, journal: Journal) -> Act:
    """A lane of commands: the session writes to its friend."""

    async def act(number: int) -> None:
        command_id = f"{journal.name}-{number:05}"
        data = {"to": chat.friend.number, "content": {"kind": "text", "text": command_id}}
        address = chat.session_id, f"session.{chat.session_id}"
        while not await publisher.publish(command_id, "message.send.v1", *address, data):
            await asyncio.sleep(_PAUSE_SECONDS)
        journal.commands[command_id] = Command(
            id=command_id,
            session_id=chat.session_id,
            phone=chat.friend.number,
            number=number,
            confirmed_at=time.time(),
        )

    return act


def writing(whatsapp: WhatsApp, chat: Chat, journal: Journal) -> Act:
    """A lane of phone messages: the friend writes to the session."""

    async def act(number: int) -> None:
        while (message_id := await whatsapp.send(chat.friend, chat.number, f"{journal.name}-p{number:05}")) is None:
            await asyncio.sleep(_PAUSE_SECONDS)
        journal.phone_messages[chat.session_id, message_id] = PhoneMessage(
            message_id=message_id,
            session_id=chat.session_id,
            phone=chat.friend.number,
            number=number,
            confirmed_at=time.time(),
        )

    return act


class Readers:
    """People who read every tenth message that reached them."""

    def __init__(self, whatsapp: WhatsApp, journal: Journal) -> None:
        self._whatsapp = whatsapp
        self._journal = journal
        self._delivered = asyncio.Queue[Event]()

    def take(self, event: Event) -> None:
        """Take in an event, of this scenario or not."""
        if event.status == "delivered" and event.command_id in self._journal.commands:
            self._delivered.put_nowait(event)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            event = await self._delivered.get()
            command = self._journal.commands[event.command_id or ""]
            if command.number % _READ_EVERY or event.message_id is None:
                continue
            while not await self._whatsapp.read(command.phone, event.message_id):
                await asyncio.sleep(_PAUSE_SECONDS)
            self._journal.read.add(command.id)
