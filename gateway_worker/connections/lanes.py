"""Order per chat: whoever took a place first is handed over first; other chats do not wait."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self


class Place:
    """A place in the lane of one chat, kept until the `async with` block ends or `leave` is called."""

    __slots__ = ("_chat", "_lanes", "_turn")

    def __init__(self, lanes: "Lanes", chat: str) -> None:
        self._lanes = lanes
        self._chat = chat
        self._turn = asyncio.Event()

    async def turn(self) -> None:
        """Returns when everybody before has left."""
        await self._turn.wait()

    def call(self) -> None:
        """It is this place's turn (said by the lane)."""
        self._turn.set()

    def leave(self) -> None:
        """Give the place up, from anywhere in the lane; idempotent. The order of the others does not change."""
        self._lanes.leave(self._chat, self)

    async def __aenter__(self) -> Self:
        await self.turn()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Lanes:
    """One lane per chat, as long as somebody stands in it. Its length is bounded by the prefetch of the queue."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Place]] = {}

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def take(self, chat: str) -> Place:
        """Take the next place of this chat's lane. Not a coroutine: the order of calls is the order of places."""
        place = Place(self, chat)
        lane = self._lanes.setdefault(chat, deque())
        lane.append(place)
        if len(lane) == 1:
            place.call()
        return place

    def leave(self, chat: str, place: Place) -> None:
        """Remove `place`; the new head, if it changed, gets its turn."""
        lane = self._lanes.get(chat)
        if lane is None or place not in lane:
            return
        lane.remove(place)
        if not lane:
            del self._lanes[chat]
        else:
            lane[0].call()
