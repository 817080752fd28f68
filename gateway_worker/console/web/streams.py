"""Server-Sent Events: how they are written, and kept open."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final

from aiohttp import web

HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def message(data: str, *, id_: str | None = None, event: str | None = None) -> bytes:
    """One message. Pure."""
    lines = [] if id_ is None else [f"id: {id_}"]
    lines += [] if event is None else [f"event: {event}"]
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return ("\n".join(lines) + "\n\n").encode()


async def stream(
    request: web.Request,
    messages: AsyncIterator[bytes],
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> web.StreamResponse:
    """Send messages as they come, and a comment when nothing does, until either side ends it or `seconds` are over."""
    response = web.StreamResponse(headers={**_HEADERS, **(headers or {})})
    response.content_type = "text/event-stream"
    response.charset = "utf-8"
    await response.prepare(request)
    with suppress(ConnectionResetError, TimeoutError):
        async with asyncio.timeout(seconds):
            await _send(response, messages)
    return response


async def _send(response: web.StreamResponse, messages: AsyncIterator[bytes]) -> None:
    await response.write(b": here\n\n")
    following = asyncio.ensure_future(anext(messages, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=HEARTBEAT_SECONDS)
            if not done:
                await response.write(b": still here\n\n")
                continue
            if (text := following.result()) is None:
                return
            await response.write(text)
            following = asyncio.ensure_future(anext(messages, None))
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await following
