"""A TCP proxy before PostgreSQL that loses what a test wants lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_CHUNK: Final = 65_536
_COMMIT: Final = b"COMMIT"


class Loss(Enum):
    """What happens to the next commit."""

    NOTHING = "nothing"
    ANSWER = "answer"  # it reaches the server, its answer is lost
    COMMIT = "commit"  # it does not reach the server


class WireTap:
    """The proxy; `lose` once arms it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loss = Loss.NOTHING
        self._writers: set[asyncio.StreamWriter] = set()
        self.lost = 0

    def lose(self, loss: Loss) -> None:
        """Lose the next commit, or its answer, and the connection with it."""
        self._loss = loss

    def cut(self) -> None:
        """Break every connection that is open now."""
        for writer in list(self._writers):
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        upstream_reader, upstream = await asyncio.open_connection(*self._target)
        self._writers |= {writer, upstream}
        deaf = asyncio.Event()  # once set, nothing of the server's comes through
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._downwards(upstream_reader, writer, deaf))
                await self._upwards(reader, upstream, deaf)
                upstream.close()
        except* OSError:
            pass  # a broken connection is what this is for
        finally:
            self._writers -= {writer, upstream}
            upstream.close()
            writer.close()

    async def _upwards(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if _COMMIT in chunk and self._loss is not Loss.NOTHING:
                loss, self._loss = self._loss, Loss.NOTHING
                self.lost += 1
                deaf.set()
                if loss is Loss.ANSWER:
                    upstream.write(chunk)
                    await upstream.drain()
                return
            upstream.write(chunk)
            await upstream.drain()

    async def _downwards(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if deaf.is_set():
                break
            writer.write(chunk)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def tapped(url: str) -> AsyncGenerator[tuple[str, WireTap]]:
    """The URL of a proxy before the database at `url`, and the proxy."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    tap = WireTap(parts.hostname, parts.port)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
    try:
        yield urlunsplit(parts._replace(netloc=netloc)), tap
    finally:
        server.close()
        tap.cut()
