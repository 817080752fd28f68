"""A web server with documents, as fast or as slow as wanted."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

_PIECE: Final = bytes(range(256)) * 1024


@asynccontextmanager
async def site(size: int, seconds: float = 0.0) -> AsyncGenerator[str]:
    """Gives out a document of `size` bytes at any path, another at each, and takes so long for it."""

    async def give(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        pieces = size // len(_PIECE)
        for number in range(pieces):
            await answer.write(_PIECE if number else b"%PDF-1.7" + request.path_qs.encode().ljust(64) + _PIECE[72:])
            if seconds:
                await asyncio.sleep(seconds / pieces)
        await answer.write_eof()
        return answer

    app = web.Application()
    app.router.add_get("/{name}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
