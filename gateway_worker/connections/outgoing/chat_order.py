"""Order per chat: whoever took a place first is handed over first; other chats do not wait.

A place may be taken before it is known which chat a number leads to. Until that is settled, no place behind it starts
that may turn out to be of the same chat, so that nobody overtakes it there.

Handed over is not acknowledged: the next of a chat follows on the same connection while WhatsApp's answers are still on
their way, a bounded number at a time. After a connection is lost, all of them go again in the same order on the next.
"""

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Final, Protocol

from gateway_worker.connections.base.signals import Signal

DEPTH: Final = 16  # messages of one chat without an answer


class Carrier(Protocol):
    """A connection, as far as the order of messages goes."""

    @property
    def usable(self) -> bool:
        """Whether something can be sent on it."""
        ...


class Place:
    """A place in the lane of one chat, kept until `leave` is called."""

    __slots__ = ("_lanes", "among", "carrier", "chat", "number")

    def __init__(self, lanes: "Lanes", number: int, chat: str, among: str | None) -> None:
        self._lanes = lanes
        self.number = number
        self.chat = chat
        self.among = among
        self.carrier: Carrier | None = None  # the connection it was handed over to last

    async def turn(self) -> None:
        """Returns when everybody before has left or was handed over, and not too many of them wait for an answer."""
        await self._lanes.until(self.chat, self._may_start)

    async def turn_on(self, carrier: Carrier) -> bool:
        """Returns when everybody before was handed over to this very connection; False if it ended meanwhile."""
        await self._lanes.until(self.chat, lambda: not carrier.usable or self._follows(carrier))
        return carrier.usable

    def hand_over(self, carrier: Carrier) -> None:
        """It goes to this connection now: the next one may follow it."""
        self.carrier = carrier
        self._lanes.fire(self.chat)

    def take_back(self) -> None:
        """It did not go after all: nobody follows it until it is handed over again."""
        self.carrier = None

    def leave(self) -> None:
        """Give the place up, from anywhere in the lane; idempotent. The order of the others does not change."""
        self._lanes.leave(self.chat, self)

    def _may_start(self) -> bool:
        before = self._lanes.before(self.chat, self)
        if len(before) >= DEPTH or any(place.carrier is None for place in before):
            return False
        return not self._lanes.is_behind_unsettled(self)

    def _follows(self, carrier: Carrier) -> bool:
        return all(place.carrier is carrier for place in self._lanes.before(self.chat, self))


class Lanes:
    """One lane per chat, as long as somebody stands in it. Its length is bounded by the prefetch of the queue."""

    __slots__ = ("_lanes", "_moved", "_taken", "_unsettled")

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Place]] = {}
        self._moved: dict[str, Signal] = {}
        self._taken = 0
        self._unsettled: dict[str, list[Place]] = {}

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def take(self, chat: str, *, among: str | None = None, unsettled: str | None = None) -> Place:
        """Take the next place of this chat's lane. Not a coroutine: the order of calls is the order of places.

        Args:
            chat: whose lane it is, as far as is known.
            among: those who are called the same may turn out to be of one chat; None: nobody else.
            unsettled: the address that has still to be settled, if it has.
        """
        self._taken += 1
        place = Place(self, self._taken, chat, among)
        self._lane(chat).append(place)
        if unsettled is not None:
            self._unsettled.setdefault(unsettled, []).append(place)
        return place

    def settle(self, address: str, chat: str) -> None:
        """Whatever was taken for this address belongs to the lane of `chat`, in the order of all that was taken."""
        places = self._unsettled.pop(address, ())
        for place in places:
            self._take_out(place)
            lane = self._lane(chat)
            lane.append(place)
            place.chat = chat
            self._lanes[chat] = deque(sorted(lane, key=lambda each: each.number))
        if places:
            self._fire_all()

    def is_behind_unsettled(self, place: Place) -> bool:
        """Whether one before it, of whichever lane, may turn out to be of its chat."""
        return place.among is not None and any(
            other.number < place.number and other.among == place.among
            for others in self._unsettled.values()
            for other in others
        )

    def before(self, chat: str, place: Place) -> list[Place]:
        """Who stands before this place."""
        return list(takewhile(lambda other: other is not place, self._lanes.get(chat, ())))

    def leave(self, chat: str, place: Place) -> None:
        """Remove `place`; the others move up."""
        for address, places in list(self._unsettled.items()):
            if place in places:
                places.remove(place)
                if not places:
                    del self._unsettled[address]
                self._fire_all()
        if place in self._lanes.get(chat, ()):
            self._take_out(place)

    def _lane(self, chat: str) -> deque[Place]:
        self._moved.setdefault(chat, Signal())
        return self._lanes.setdefault(chat, deque())

    def _take_out(self, place: Place) -> None:
        lane = self._lanes[place.chat]
        lane.remove(place)
        self.fire(place.chat)
        if not lane:
            del self._lanes[place.chat], self._moved[place.chat]

    def _fire_all(self) -> None:
        for moved in self._moved.values():
            moved.fire()

    def fire(self, chat: str) -> None:
        """Something in this lane changed."""
        if (moved := self._moved.get(chat)) is not None:
            moved.fire()

    async def until(self, chat: str, holds: Callable[[], bool]) -> None:
        """Returns when it holds; looked at whenever the lane changes."""
        while not holds():
            await self._moved[chat].next()
