"""One question to a port, one answer: how the services are asked whether they are ready."""

import asyncio
import contextlib

from deploy.local.seat import HOST

_SECONDS = 2.0


async def answer(port: int, question: bytes, size: int = 64) -> bytes:
    """The first bytes that a loopback port answers to `question`, empty when there is no answer in time."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(question)
                return await reader.read(size)
            finally:
                writer.close()
    return b""
