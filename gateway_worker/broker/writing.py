"""Writing many small frames to a connection at once."""

import asyncio
from typing import Final

from aiormq.abc import ChannelFrame
from aiormq.connection import Connection

from gateway_worker.timing.pauses import Pauses

_FULL_SECONDS: Final = 0.002  # the driver's writer waits for the network: look again
# Where the network stands still (RabbitMQ's memory alarm), look less often
_PAUSES: Final = Pauses(first=_FULL_SECONDS, longest=0.2)


class Batch:
    """Collects what is written to a connection within one turn of the event loop and hands it over as one piece."""

    __slots__ = ("_connection", "_full", "_parts", "_scheduled")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parts: list[bytes] = []
        self._scheduled = False
        self._full = 0  # times in a row that the driver had no room

    def write(self, frames: bytes) -> None:
        """Write whole frames, soon, in the order of calls."""
        self._parts.append(frames)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def flushed(self) -> None:
        """Returns when all that was written is in the driver's hands: what it is asked now comes after it."""
        while self._parts and self._connection.is_opened:
            self._flush()
            if self._parts:
                await asyncio.sleep(_FULL_SECONDS)

    def _flush(self) -> None:
        self._scheduled = False
        if not self._parts:
            return
        if not self._connection.is_opened:
            self._parts.clear()
            return
        try:
            self._connection.write_queue.put_nowait(ChannelFrame(payload=b"".join(self._parts), should_close=False))
        except asyncio.QueueFull:
            self._scheduled = True
            self._full += 1
            asyncio.get_running_loop().call_later(_PAUSES.after(self._full), self._flush)
        else:
            self._full = 0
            self._parts.clear()
