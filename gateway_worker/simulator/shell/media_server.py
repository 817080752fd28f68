"""The media host over HTTPS, on a port of its own: uploads by POST, downloads by GET. Shell; `media` decides.

Paths are WhatsApp's: `/mms/<kind>/<token>?auth=…` takes a blob and answers where it lies; which then gives it out.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web

from gateway_worker.simulator.shell.tls import MediaAuthority
from gateway_worker.simulator.world.media import download, upload, upload_seconds
from gateway_worker.simulator.world.turn import Turn

_PIECE = 64 << 10
RunTurn = Callable[[Callable[[Turn], object]], object]


class MediaServer:
    """Serves the blobs. `authority` is the `host:port` that clients are told; `turn` runs something in the core."""

    def __init__(
        self, certificates: MediaAuthority, turn: RunTurn, away: Callable[[], bool], *, host: str, port: int
    ) -> None:
        self._certificates = certificates
        self._turn = turn
        self._away = away
        self._host, self.port = host, port
        self._runner: web.AppRunner | None = None

    @property
    def authority(self) -> str:
        """`host:port`."""
        return f"{self._host}:{self.port}"

    async def start(self) -> None:
        """Listens; on another port if the one of an earlier run is taken."""
        app = web.Application()
        app.router.add_post("/{kind:mms/[a-z-]+|product/image}/{token}", self._take)
        app.router.add_get("/{path:v/.+}", self._give)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        context = self._certificates.server_context()
        try:
            await web.TCPSite(runner, self._host, self.port, ssl_context=context).start()
        except OSError:
            await web.TCPSite(runner, self._host, 0, ssl_context=context).start()
        self.port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Stops listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self._refuse_while_away(request)
        auth, token = request.query.get("auth", ""), request.match_info["token"]
        seconds = self._turn(lambda turn: upload_seconds(turn, auth))
        largest = self._turn(lambda turn: turn.world.media.largest)
        assert isinstance(seconds, float)
        assert isinstance(largest, int)
        limited = request.clone(client_max_size=largest)
        blob = await _read_slowly(request, seconds, largest) if seconds else await limited.read()
        taken = self._turn(lambda turn: upload(turn, auth=auth, token=token, blob=blob))
        if isinstance(taken, int):
            return web.json_response({"error": taken}, status=taken)
        return web.json_response({"url": f"https://{self.authority}{taken}", "direct_path": taken})

    async def _give(self, request: web.Request) -> web.Response:
        self._refuse_while_away(request)
        path, signature = request.path, request.query.get("oh", "")
        given = self._turn(lambda turn: download(turn, path, signature))
        if isinstance(given, int):
            return web.Response(status=given)
        assert isinstance(given, bytes)
        part = request.http_range  # clients may ask for the rest of a file, or its middle
        sliced = given[part]
        status = 206 if len(sliced) < len(given) else 200
        return web.Response(body=sliced, status=status, content_type="application/octet-stream")

    def _refuse_while_away(self, request: web.Request) -> None:
        """While WhatsApp restarts its media hosts are away, too."""
        if self._away():
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable


async def _read_slowly(request: web.Request, seconds: float, largest: int) -> bytes:
    """The whole body at a steady pace: the client gets rid of it no faster, and of its end after `seconds`."""
    loop = asyncio.get_running_loop()
    began, size, blob = loop.time(), request.content_length or largest, bytearray()
    while piece := await request.content.read(_PIECE):
        blob += piece
        if len(blob) > largest:
            raise web.HTTPRequestEntityTooLarge(largest, len(blob))
        await asyncio.sleep(began + seconds * len(blob) / size - loop.time())
    return bytes(blob)
