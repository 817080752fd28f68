"""The file of a message, from the media bucket: shown where a browser does so safely, else downloaded."""

from typing import Final
from urllib.parse import quote

from aiohttp import web

from gateway_worker.console.files import belongs_to, part_of, shown_as
from gateway_worker.console.web.context import console_of

_OTHER: Final = "application/octet-stream"
_BOXED: Final = "default-src 'none'; sandbox"
"""Whatever a file is, it runs nothing."""


async def show(request: web.Request) -> web.StreamResponse:
    """The bytes."""
    console, session_id = console_of(request), request.match_info["session"]
    key, declared = request.query.get("object", ""), request.query.get("type", "")
    if console.files is None or not belongs_to(key, session_id):
        raise web.HTTPNotFound
    try:
        wanted = part_of(request.headers.get("Range"))
        async with console.files.reading(key, wanted) as (pieces, which):
            part = {} if which is None else {"Content-Range": which}
            headers = _headers(declared, request.query.get("name", "file")) | part
            response = web.StreamResponse(status=206 if part else 200, headers=headers)
            await response.prepare(request)
            async for piece in pieces:
                await response.write(piece)
    except FileNotFoundError:
        raise web.HTTPNotFound from None
    except OSError:
        raise web.HTTPBadGateway from None
    return response


def _headers(declared: str, name: str) -> dict[str, str]:
    shown = shown_as(declared)
    way = "attachment" if shown is None else "inline"
    return {
        "Content-Type": shown or _OTHER,
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(name, safe='')}",
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": _BOXED,
        "Cache-Control": "private, max-age=3600",
    }
