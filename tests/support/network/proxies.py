"""What stands between a worker and WhatsApp: a proxy that tunnels and notes what, and TLS before a plain server."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_PIECE = 64 * 1024
Count = Callable[[int], None]


@dataclass(slots=True)
class Tunnel:
    """One CONNECT: for whom, with which credentials (the header's value), and the bytes that went each way."""

    target: str
    authorization: str | None
    up: int = 0
    down: int = 0

    def count_up(self, size: int) -> None:
        self.up += size

    def count_down(self, size: int) -> None:
        self.down += size


@dataclass(slots=True)
class Proxy:
    """An HTTP proxy that only tunnels."""

    port: int = 0
    tunnels: list[Tunnel] = field(default_factory=list[Tunnel])

    def up(self, target: str) -> int:
        """Bytes that went to a ``host:port`` through it."""
        return sum(each.up for each in self.tunnels if each.target == target)

    def down(self, target: str) -> int:
        """Bytes that came from there."""
        return sum(each.down for each in self.tunnels if each.target == target)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = (await reader.readline()).decode().split(" ")
        assert method == "CONNECT"
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        tunnel = Tunnel(target, headers.get("proxy-authorization"))
        self.tunnels.append(tunnel)
        host, _, port = target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _both_ways((reader, writer), (far_reader, far_writer), tunnel.count_up, tunnel.count_down)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def a_proxy() -> AsyncGenerator[Proxy]:
    proxy = Proxy()
    async with _listening(proxy.serve) as port:
        proxy.port = port
        yield proxy


@asynccontextmanager
async def tls_before(target_port: int, context: ssl.SSLContext) -> AsyncGenerator[int]:
    """The port of a server on loopback that takes TLS off what it passes on to `target_port`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection("127.0.0.1", target_port)
        await _both_ways((reader, writer), far, lambda _: None, lambda _: None)

    async with _listening(serve, context) as port:
        yield port


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncGenerator[int]:
    """Whoever is connected at the end is cut."""
    serving: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # somebody hung up, or the test is over: `asyncio` would log either
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _both_ways(near: Ends, far: Ends, up: Count, down: Count) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(near[0], far[1], up))
            tasks.create_task(_pump(far[0], near[1], down))
    except* OSError:
        pass  # somebody hung up
    finally:
        near[1].close()
        far[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Count) -> None:
    while piece := await reader.read(_PIECE):
        count(len(piece))
        writer.write(piece)
        await writer.drain()
    writer.close()
