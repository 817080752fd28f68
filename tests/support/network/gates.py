"""What stands between a worker and one of its services: it lets through, cuts, or stops answering, as a test says."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_PIECE = 64 * 1024


class Gate:
    """A forwarder on loopback. What is connected when it falls silent stays connected, and hears nothing any more.

    Args:
        port: of the service on loopback; 0: there is none.
    """

    def __init__(self, port: int, *, silent: bool = False) -> None:
        self._target = port
        self._open = asyncio.Event()
        if not silent:
            self._open.set()
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def silence(self) -> None:
        """Accept, and answer nothing."""
        self._open.clear()

    async def shut(self) -> None:
        """Refuse connections, and cut those that are there."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._pumps:
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        self._writers.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(far_writer)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, far_writer))
                tasks.create_task(self._pump(far_reader, writer))
        self._pumps.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_gate(port: int, *, silent: bool = False) -> AsyncGenerator[Gate]:
    """A gate that is open, or silent from the beginning."""
    gate = Gate(port, silent=silent)
    await gate.start()
    try:
        yield gate
    finally:
        await gate.shut()
