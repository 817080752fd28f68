"""Who gets in, over HTTP: other hosts, other sites, other tokens; and the events of backends' own pages."""

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import jwt
import pytest

from deploy.local.stage import RunningConsole
from tests.e2e.conftest import World
from tests.e2e.console.conftest import EVENTS_KEY, ORIGIN

TOKEN = "a-token-that-opens-the-console"


@pytest.fixture
async def http(console: RunningConsole) -> AsyncGenerator[aiohttp.ClientSession]:
    """A browser without a screen; it keeps cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name
    async with aiohttp.ClientSession(console.url, cookie_jar=jar) as made:
        yield made


async def proof(http: aiohttp.ClientSession, path: str = "/") -> str:
    """The CSRF token of a page."""
    async with http.get(path) as page:
        found = re.search(r"[0-9a-f]{64}", await page.text())
    assert found is not None
    return found[0]


def token_for(session_id: str) -> str:
    """As a backend makes it."""
    now = int(time.time())
    claims = {"aud": "gateway-events", "sub": session_id, "iat": now, "exp": now + 300}
    return jwt.encode(claims, EVENTS_KEY, "HS256")


async def status(http: aiohttp.ClientSession, method: str, path: str, **more: Any) -> int:
    async with http.request(method, path, allow_redirects=False, **more) as answer:
        return answer.status


async def test_without_a_token_this_machine_alone_gets_in_and_only_from_its_own_pages(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/") as page:
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
        cookie = page.headers["Set-Cookie"]
    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert await status(http, "GET", "/", headers={"Host": "rebound.example"}) == 403
    body = {"session": "never-made", "csrf": await proof(http)}
    assert await status(http, "POST", "/sessions", data={"session": "never-made"}) == 403
    assert await status(http, "POST", "/sessions", data=body | {"csrf": "0" * 64}) == 403
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert await status(http, "POST", "/sessions", data=body, headers=foreign) == 403
    async with http.get("/sessions?q=never-made") as page:
        assert "No session is like that" in await page.text()
    async with http.get("/nowhere/<b>at-all</b>") as page:
        assert (page.status, "There is no such page here." in await page.text()) == (404, True)


async def test_with_a_token_people_log_in_and_a_read_only_console_changes_nothing(world: World) -> None:
    waiting = world.new_session_id()
    await world.create(waiting)
    await world.backend.state(waiting, "qr_required")
    given = {"GATEWAY_CONSOLE_TOKEN": TOKEN, "GATEWAY_CONSOLE_READ_ONLY": "true"}
    running = await world.stage.start_console({**given, "GATEWAY_CONSOLE_EVENTS_KEY": EVENTS_KEY})
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(running.url, cookie_jar=jar) as http:
        for path in ("/", "/sessions", "/dead", "/try", f"/sessions/{waiting}/live"):
            assert await status(http, "GET", path) == 303
        async with http.get("/metrics") as answer:  # counts alone are for everybody who gets here
            counted = await answer.text()
        assert 'gateway_console_requests_total{outcome="failed"} 0.0' in counted
        assert "gateway_console_gateway_away 0.0" in counted
        assert waiting not in counted
        assert await status(http, "GET", "/readyz") == 200
        wrong = {"token": TOKEN[:-1], "csrf": await proof(http, "/login")}
        assert await status(http, "POST", "/login", data=wrong) == 403
        right = {"token": TOKEN, "csrf": await proof(http, "/login"), "to": "//evil.example"}
        async with http.post("/login", data=right, allow_redirects=False) as entered:
            assert (entered.status, entered.headers["Location"]) == (303, "/")
        async with http.get(f"/sessions/{waiting}") as page:
            shown = await page.text()
        assert "data:image/png" not in shown
        assert "read-only" in shown
        headers = {"X-CSRF-Token": await proof(http)}
        assert await status(http, "POST", "/sessions", data={"session": "no"}, headers=headers) == 403
        assert await status(http, "POST", f"/sessions/{waiting}/restart", headers=headers) == 403
        question = {"type": "session.describe.v1", "subject": waiting}
        async with http.post("/try/publish", data=question, headers=headers) as answer:
            assert "qr_required" in await answer.text()
        before = {"Authorization": f"Bearer {token_for(waiting)}", "Last-Event-ID": "0"}
        async with http.get(f"/api/sessions/{waiting}/events", headers=before) as answer:
            assert (await _next(answer))[0] == "1"  # told before this console was there: replayed
        for odd in ("application/x-www-form-urlencoded; charset=none-such", "multipart/form-data"):
            typed = {**headers, "Content-Type": odd}
            assert await status(http, "POST", "/try/preview", data=b"\xff=\xfe", headers=typed) == 403
        assert await status(http, "POST", "/logout", headers=headers) == 200
        assert await status(http, "GET", "/") == 303
    await running.child.end(signal.SIGTERM)
    log = running.child.program.log.read_text()
    assert TOKEN not in log
    assert "evil" not in log


async def test_a_backends_page_follows_one_session_and_gets_what_it_missed(
    world: World, http: aiohttp.ClientSession
) -> None:
    member, other = await world.paired("Eve"), await world.phones.give("Finn")
    path = f"/api/sessions/{member.session_id}/events"
    token = token_for(member.session_id)
    bearer = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
    assert await status(http, "GET", path) == 401
    assert await status(http, "GET", f"/api/sessions/another/events?token={token}") == 401
    async with http.get(path, params={"token": token}, headers={"Origin": "https://evil.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.get(path, headers=bearer) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        await world.phones.send(other, member.phone.number, "one")
        last = await _until(answer, "one")
    await world.phones.send(other, member.phone.number, "two")
    await world.phones.send(other, member.phone.number, "three")
    await world.backend.event("message.received.v1", lambda e: e["data"].get("content", {}).get("text") == "three")
    async with http.get(path, headers=bearer | {"Last-Event-ID": last}) as answer:
        seen = [await _next(answer)]
        while seen[-1][1]["data"].get("content", {}).get("text") != "three":
            seen.append(await _next(answer))
    texts = [event["data"]["content"]["text"] for _, event in seen if event["type"] == "message.received.v1"]
    assert texts == ["two", "three"]
    assert [int(number) for number, _ in seen] == list(range(int(last) + 1, int(last) + 1 + len(seen)))


async def _next(answer: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    """The next durable event: its id, and the event."""
    number = ""
    async with asyncio.timeout(60):
        while True:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line.startswith("id: "):
                number = line[4:]
            elif line.startswith("data: ") and number:
                return number, json.loads(line[6:])


async def _until(answer: aiohttp.ClientResponse, text: str) -> str:
    while True:
        number, event = await _next(answer)
        if event["data"].get("content", {}).get("text") == text:
            return number
