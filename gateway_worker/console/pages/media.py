"""The file of a message, from the media bucket: shown where a browser does so safely, else downloaded."""

from typing import Final
from urllib.parse import quote

from aiohttp import web

from gateway_worker.console.files import belongs_to, is_shown
from gateway_worker.console.web.context import console_of

_OTHER: Final = "application/octet-stream"
_BOXED: Final = "default-src 'none'; sandbox"
"""Whatever a file is, it runs nothing."""


async def show(request: web.Request) -> web.StreamResponse:
    """The bytes."""
    console, session_id = console_of(request), request.match_info["session"]
    key, told = request.query.get("object", ""), request.query.get("type", "")
    if console.files is None or not belongs_to(key, session_id):
        raise web.HTTPNotFound
    try:
        async with console.files.reading(key) as pieces:
            response = web.StreamResponse(headers=_headers(told, request.query.get("name", "file")))
            await response.prepare(request)
            async for piece in pieces:
                await response.write(piece)
    except FileNotFoundError:
        raise web.HTTPNotFound from None
    except OSError:
        raise web.HTTPBadGateway from None
    return response


def _headers(told: str, name: str) -> dict[str, str]:
    shown = is_shown(told)
    way = "inline" if shown else "attachment"
    return {
        "Content-Type": told if shown else _OTHER,
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": _BOXED,
        "Cache-Control": "private, max-age=3600",
    }
