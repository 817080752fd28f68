"""What the bridges are told, and where WhatsApp's version comes from."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway_worker.whatsapp.baileys.process.configuration import Configuration, parse_version
from gateway_worker.whatsapp.baileys.process.versions import newest_version, version_in


@asynccontextmanager
async def _site(status: int, body: bytes) -> AsyncGenerator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get("/sw.js", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/sw.js"
    finally:
        await runner.cleanup()


def test_times_travel_in_milliseconds() -> None:
    seen = Configuration(ack_deadline=1.5, qr_timeout=0.25).to_bridge(None)
    assert (seen["ack_deadline"], seen["qr_timeout"], seen["version"]) == (1500, 250, None)


def test_a_given_version_wins_over_the_newest() -> None:
    assert Configuration(version="2.3000.7").to_bridge((2, 3000, 9))["version"] == (2, 3000, 7)
    assert Configuration().to_bridge((2, 3000, 9))["version"] == (2, 3000, 9)


@pytest.mark.parametrize("wrong", ["", "2.3000", "latest", "2.3000.x", "2.3000.1.2"])
def test_what_is_no_version_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"2\.3000"):
        parse_version(wrong)


@pytest.mark.parametrize("wrong", ["zz", "00" * 31])
def test_what_is_no_root_key_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        Configuration(root_key=wrong)


def test_the_version_is_found_in_the_service_worker() -> None:
    assert version_in(rb"{\"client_revision\":1043857760,\"x\":1}") == (2, 3000, 1043857760)
    assert version_in(b'"client_revision": 17') == (2, 3000, 17)
    assert version_in(b"<html>no</html>") is None


async def test_the_newest_version_is_asked_of_whatsapp() -> None:
    async with _site(200, rb"self.x={\"client_revision\":99}") as url:
        assert await newest_version(url) == (2, 3000, 99)
    async with _site(503, rb"{\"client_revision\":99}") as url:
        assert await newest_version(url) is None
    assert await newest_version("http://127.0.0.1:1/sw.js") is None
