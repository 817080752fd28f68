"""Tells the outbox what is published: many in one statement, as many as came since the last one.

A mark saves nothing but a repetition after a crash, so marks wait for each other: each is a transaction of its own.
"""

import asyncio
from typing import Final

import structlog

from gateway_worker.events.ports import Outbox
from gateway_worker.store.errors import StoreUnavailable
from schemas.names import SessionId

log = structlog.get_logger(__name__)

GROUP: Final = 1_000
_STORE_SECONDS: Final = 1.0
_REST_SECONDS: Final = 0.05  # between two marks: what a crash in between lets go out again


class Marker:
    """A service beside the relay."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._confirmed: list[tuple[SessionId, int]] = []
        self._given = 0  # how many were ever confirmed, and
        self._marked = 0  # how many of those, in the same order, are marked
        self._moved = asyncio.Event()
        self._wakeup = asyncio.Event()
        self._hurry = asyncio.Event()  # somebody waits for the marks
        self._stopping = False

    def mark(self, session_id: SessionId, sequence: int) -> None:
        """This event is confirmed by the broker."""
        self._confirmed.append((session_id, sequence))
        self._given += 1
        self._wakeup.set()

    async def caught_up(self) -> None:
        """Returns when all that is confirmed at this moment is marked."""
        given = self._given
        while self._marked < given:
            self._hurry.set()
            await self._moved.wait()

    async def run(self) -> None:
        """Mark until stopped and nothing is left."""
        while self._confirmed or not self._stopping:
            if not self._confirmed:
                self._wakeup.clear()
                await self._wakeup.wait()
                continue
            group = self._confirmed[:GROUP]
            try:
                await self._outbox.mark_published(group)
            except StoreUnavailable:  # published all the same: after a crash they go out once more, with the same ids
                log.warning("outbox.not_marked", waiting=len(self._confirmed))
                await asyncio.sleep(_STORE_SECONDS)
                continue
            del self._confirmed[: len(group)]
            self._marked += len(group)
            self._moved.set()
            self._moved = asyncio.Event()
            await self._rest()

    async def _rest(self) -> None:
        """Let marks gather, unless somebody waits for them."""
        if self._stopping:
            return
        try:
            async with asyncio.timeout(_REST_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    def stop(self) -> None:
        """Mark what is left, then `run` returns."""
        self._stopping = True
        self._wakeup.set()
        self._hurry.set()
