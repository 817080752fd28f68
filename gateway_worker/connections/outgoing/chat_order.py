"""Order per chat: whoever took a slot first is handed over first; other chats do not wait.

A slot may be taken before it is known which chat a number leads to. Until that is settled, no slot behind it starts
that may turn out to be of the same chat, so that nobody overtakes it there; but not for longer than WhatsApp may take
to answer: one number that it says nothing of does not hold up those who are most likely strangers to it.

Handed over is not acknowledged: the next of a chat follows on the same connection while WhatsApp's answers are still on
their way, a bounded number at a time. After a connection is lost, all of them go again in the same order on the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import takewhile
from typing import Final, Protocol

from gateway_worker.connections.base.signals import Signal

DEPTH: Final = 16  # messages of one chat without an answer
MAX_HOLD_SECONDS: Final = 5.0  # from when WhatsApp is asked whose a number is


class UsableConnection(Protocol):
    """A connection, as far as the order of messages goes."""

    @property
    def usable(self) -> bool:
        """Whether something can be sent on it."""
        ...


class Slot:
    """A slot in the queue of one chat, kept until `leave` is called."""

    __slots__ = ("_order", "among", "chat", "connection", "gives_way", "number")

    def __init__(self, order: "ChatOrder", number: int, chat: str, among: str | None) -> None:
        self._order = order
        self.number = number
        self.chat = chat
        self.among = among
        self.connection: UsableConnection | None = None  # the connection it was handed over to last
        self.gives_way = False  # whether those who may turn out to be of its chat need not wait for it any more

    @contextmanager
    def asking(self) -> Generator[None]:
        """While WhatsApp is asked whose number it is: others wait for the answer, but not for ever."""
        timer = asyncio.get_running_loop().call_later(MAX_HOLD_SECONDS, self._give_way)
        try:
            yield
        finally:
            timer.cancel()

    def _give_way(self) -> None:
        self.gives_way = True
        self._order.fire_all()

    @property
    def is_next(self) -> bool:
        """Whether it need not wait for its turn."""
        return self._may_start()

    async def turn(self) -> None:
        """Returns when everybody before has left or was handed over, and not too many of them wait for an answer."""
        await self._order.until(self.chat, self._may_start)

    async def turn_on(self, connection: UsableConnection) -> bool:
        """Returns when everybody before was handed over to this very connection; False if it ended meanwhile."""
        await self._order.until(self.chat, lambda: not connection.usable or self._follows(connection))
        return connection.usable

    def hand_over(self, connection: UsableConnection) -> None:
        """It goes to this connection now: the next one may follow it."""
        self.connection = connection
        self._order.fire(self.chat)

    def take_back(self) -> None:
        """It did not go after all: nobody follows it until it is handed over again."""
        self.connection = None

    def leave(self) -> None:
        """Give the slot up, from anywhere in the queue; idempotent. The order of the others does not change."""
        self._order.leave(self.chat, self)

    def _may_start(self) -> bool:
        before = self._order.before(self.chat, self)
        if len(before) >= DEPTH or any(slot.connection is None for slot in before):
            return False
        return not self._order.is_behind_unsettled(self)

    def _follows(self, connection: UsableConnection) -> bool:
        return all(slot.connection is connection for slot in self._order.before(self.chat, self))


class ChatOrder:
    """One queue per chat, as long as somebody stands in it. Its length is bounded by the prefetch."""

    __slots__ = ("_moved", "_queues", "_taken", "_unsettled")

    def __init__(self) -> None:
        self._queues: dict[str, deque[Slot]] = {}
        self._moved: dict[str, Signal] = {}
        self._taken = 0
        self._unsettled: dict[str, list[Slot]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def take(self, chat: str, *, among: str | None = None, unsettled: str | None = None) -> Slot:
        """Take the next slot of this chat's queue. Not a coroutine: the order of calls is the order of slots.

        Args:
            chat: whose queue it is, as far as is known.
            among: those who are called the same may turn out to be of one chat; None: nobody else.
            unsettled: the address that has still to be settled, if it has.
        """
        self._taken += 1
        slot = Slot(self, self._taken, chat, among)
        self._queue(chat).append(slot)
        if unsettled is not None:
            self._unsettled.setdefault(unsettled, []).append(slot)
        return slot

    def settle(self, address: str, chat: str) -> None:
        """Whatever was taken for this address belongs to the queue of `chat`, in the order of all that was taken."""
        slots = self._unsettled.pop(address, ())
        for slot in slots:
            self._take_out(slot)
            self._queue(chat).append(slot)
            slot.chat = chat
        if slots:
            self._queues[chat] = deque(sorted(self._queue(chat), key=lambda each: each.number))
            self.fire_all()

    def is_behind_unsettled(self, slot: Slot) -> bool:
        """Whether one before it, of whichever queue, may turn out to be of its chat."""
        return slot.among is not None and any(
            other.number < slot.number and other.among == slot.among and not other.gives_way
            for others in self._unsettled.values()
            for other in others
        )

    def before(self, chat: str, slot: Slot) -> list[Slot]:
        """Who stands before this slot."""
        return list(takewhile(lambda other: other is not slot, self._queues.get(chat, ())))

    def leave(self, chat: str, slot: Slot) -> None:
        """Remove `slot`; the others move up."""
        for address, slots in list(self._unsettled.items()):
            if slot in slots:
                slots.remove(slot)
                if not slots:
                    del self._unsettled[address]
                self.fire_all()
        if slot in self._queues.get(chat, ()):
            self._take_out(slot)

    def _queue(self, chat: str) -> deque[Slot]:
        self._moved.setdefault(chat, Signal())
        return self._queues.setdefault(chat, deque())

    def _take_out(self, slot: Slot) -> None:
        queue = self._queues[slot.chat]
        queue.remove(slot)
        self.fire(slot.chat)
        if not queue:
            del self._queues[slot.chat], self._moved[slot.chat]

    def fire_all(self) -> None:
        """Something changed that more than one queue may wait for."""
        for moved in self._moved.values():
            moved.fire()

    def fire(self, chat: str) -> None:
        """Something in this queue changed."""
        if (moved := self._moved.get(chat)) is not None:
            moved.fire()

    async def until(self, chat: str, holds: Callable[[], bool]) -> None:
        """Returns when it holds; looked at whenever the queue changes."""
        while not holds():
            await self._moved[chat].next()
