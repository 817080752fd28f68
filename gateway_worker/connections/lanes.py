"""Order per chat: whoever took a place first is handed over first; other chats do not wait.

Handed over is not acknowledged: the next of a chat follows on the same connection while WhatsApp's answers are still on
their way, a bounded number at a time. After a connection is lost, all of them go again in the same order on the next.
"""

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Final, Protocol

from gateway_worker.connections.signals import Signal

DEPTH: Final = 16  # messages of one chat without an answer


class Carrier(Protocol):
    """A connection, as far as the order of messages goes."""

    @property
    def usable(self) -> bool:
        """Whether something can be sent on it."""
        ...


class Place:
    """A place in the lane of one chat, kept until `leave` is called."""

    __slots__ = ("_chat", "_lanes", "carrier")

    def __init__(self, lanes: "Lanes", chat: str) -> None:
        self._lanes = lanes
        self._chat = chat
        self.carrier: Carrier | None = None  # the connection it was handed over to last

    async def turn(self) -> None:
        """Returns when everybody before has left or was handed over, and not too many of them wait for an answer."""
        await self._lanes.until(self._chat, self._may_start)

    async def turn_on(self, carrier: Carrier) -> bool:
        """Returns when everybody before was handed over to this very connection; False if it ended meanwhile."""
        await self._lanes.until(self._chat, lambda: not carrier.usable or self._follows(carrier))
        return carrier.usable

    def hand_over(self, carrier: Carrier) -> None:
        """It goes to this connection now: the next one may follow it."""
        self.carrier = carrier
        self._lanes.fire(self._chat)

    def take_back(self) -> None:
        """It did not go after all: nobody follows it until it is handed over again."""
        self.carrier = None

    def leave(self) -> None:
        """Give the place up, from anywhere in the lane; idempotent. The order of the others does not change."""
        self._lanes.leave(self._chat, self)

    def _may_start(self) -> bool:
        before = self._lanes.before(self._chat, self)
        return len(before) < DEPTH and all(place.carrier is not None for place in before)

    def _follows(self, carrier: Carrier) -> bool:
        return all(place.carrier is carrier for place in self._lanes.before(self._chat, self))


class Lanes:
    """One lane per chat, as long as somebody stands in it. Its length is bounded by the prefetch of the queue."""

    __slots__ = ("_lanes", "_moved")

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Place]] = {}
        self._moved: dict[str, Signal] = {}

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def take(self, chat: str) -> Place:
        """Take the next place of this chat's lane. Not a coroutine: the order of calls is the order of places."""
        place = Place(self, chat)
        self._lanes.setdefault(chat, deque()).append(place)
        self._moved.setdefault(chat, Signal())
        return place

    def before(self, chat: str, place: Place) -> list[Place]:
        """Who stands before this place."""
        return list(takewhile(lambda other: other is not place, self._lanes.get(chat, ())))

    def leave(self, chat: str, place: Place) -> None:
        """Remove `place`; the others move up."""
        lane = self._lanes.get(chat)
        if lane is None or place not in lane:
            return
        lane.remove(place)
        self.fire(chat)
        if not lane:
            del self._lanes[chat], self._moved[chat]

    def fire(self, chat: str) -> None:
        """Something in this lane changed."""
        if (moved := self._moved.get(chat)) is not None:
            moved.fire()

    async def until(self, chat: str, holds: Callable[[], bool]) -> None:
        """Returns when it holds; looked at whenever the lane changes."""
        while not holds():
            await self._moved[chat].next()
