"""The console's figures: a list of 1,000 sessions, events on the screen, 20 pages. ``python -m tests.bench.console``.

It needs Debian's Chromium. The sessions are rows, none is connected; the events are published as a worker would.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aio_pika
import psutil
from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

from deploy.local.services import PrivateServices
from deploy.local.stage import Stage
from gateway_worker.settings.settings import Settings
from gateway_worker.store.records import Desired, NewSession
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import SystemClock
from schemas.names import SessionId, UserId
from tests.e2e.console.conftest import CHROMIUM, FLAGS
from tests.support.services.private_services import unique_name

SESSIONS: Final = 1_000
PAGES: Final = 20
RATE: Final = 40  # events a second
EVENTS: Final = 400
_console: Final = Console(highlight=False)
_MEBIBYTE: Final = 1024 * 1024

# When each event's line was first on the screen, by the clock of this machine
SEEN: Final = """() => {
  window.seen = {}
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      for (const [number] of (node.textContent ?? '').matchAll(/tick-\\d+/g)) window.seen[number] ??= Date.now()
    }
  }).observe(document.getElementById('events'), { childList: true, subtree: true })
}"""


# Scrolls on until every session has its line
TO_THE_END: Final = f"""() => {{
  scrollTo(0, document.body.scrollHeight)
  return document.querySelectorAll('.sessions li').length === {SESSIONS}
}}"""


async def main() -> None:
    """Measure and print."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        services = PrivateServices(directory / "services")
        await asyncio.to_thread(services.__enter__)
        stack.callback(services.end)
        stage = await stack.enter_async_context(
            Stage(directory / "logs", services.environment() | {"GATEWAY_MAX_SESSIONS": str(SESSIONS)})
        )
        await stage.create_database(unique_name())
        await _fill(stage)
        await stage.start_worker("worker-bench")
        running = await stage.start_console()
        process = psutil.Process(running.child.pid)
        _console.print(f"load {os.getloadavg()[0]:.1f}; console without a page: {_memory(process)}")
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        page = await _person(browser)
        await _list(page, running.url)
        amqp = await stack.enter_async_context(await aio_pika.connect(stage.settings["GATEWAY_AMQP_URL"]))
        exchange = await (await amqp.channel()).get_exchange("gateway.events")
        await page.goto(f"{running.url}/sessions/{_name(0)}")
        await page.wait_for_selector("#events")
        await _events(page, exchange, "one page")
        pages = [await _person(browser) for _ in range(PAGES - 1)]
        for number, other in enumerate(pages):
            places = (f"/sessions/{_name(0)}", "/", "/sessions", f"/sessions/{_name(number)}")
            await other.goto(f"{running.url}{places[number % len(places)]}")
        before = process.cpu_times()
        await _events(page, exchange, f"{PAGES} pages")
        after = process.cpu_times()
        seconds = after.user + after.system - before.user - before.system
        _console.print(
            f"console with {PAGES} pages: {_memory(process)}; {1000 * seconds / EVENTS:.1f} ms of CPU for each event"
        )


async def _person(browser: Browser) -> Page:
    """A page in a browser of its own: one alone opens six connections to a host, and each page's stream is one."""
    context = await browser.new_context(bypass_csp=True)  # to wait for what the page shows
    return await context.new_page()


async def _fill(stage: Stage) -> None:
    os.environ |= stage.settings
    settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue] (pydantic's own)
    store = Store(str(settings.database_url), encryption_keys=settings.raw_encryption_keys, clock=SystemClock())
    await store.start()
    for number in range(SESSIONS):
        new = NewSession(
            session_id=SessionId(_name(number)),
            user_id=UserId(f"user-{number % 50}"),
            pairing={"method": "qr"},
            desired=Desired.LOGGED_OUT,
            state="logged_out",
        )
        await store.sessions.create_or_get(new)
    await store.stop()


async def _list(page: Page, url: str) -> None:
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        await page.goto(f"{url}/sessions")
        await page.get_by_label("Search").fill(_name(777))
        await page.wait_for_function("document.querySelectorAll('.sessions li').length === 1")
        times.append(time.perf_counter() - began)
    _console.print(f"{SESSIONS} sessions: page open and one found in {_milliseconds(times)}")
    await page.goto(f"{url}/sessions")
    began = time.perf_counter()
    await page.wait_for_function(TO_THE_END)
    _console.print(f"scrolled to the last of them in {time.perf_counter() - began:.1f} s")


async def _events(page: Page, exchange: Any, where: str) -> None:
    await page.evaluate(SEEN)
    published: dict[str, float] = {}
    began, first = time.perf_counter(), time.time_ns()
    for number in range(EVENTS):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        name = f"tick-{first + number}"
        published[name] = time.time() * 1000
        await exchange.publish(_event(name), f"call.received.{_name(0)}")
    last = next(reversed(published))
    await page.wait_for_function(f"window.seen['{last}'] !== undefined")
    seen: dict[str, float] = await page.evaluate("window.seen")
    times = sorted((seen[name] - at) / 1000 for name, at in published.items() if name in seen)
    _console.print(f"{where}: {len(times)} of {EVENTS} events on the screen at {RATE}/s: {_milliseconds(times)}")


def _event(name: str) -> aio_pika.Message:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {"sessionId": _name(0), "subject": name, "timestamp": now}
    event = {"specversion": "1.0", "id": name, "source": "/bench", "type": "call.received.v1", "subject": _name(0)}
    return aio_pika.Message(json.dumps({**event, "time": now, "data": data}).encode())


def _name(number: int) -> str:
    return f"session-{number:04}"


def _memory(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / _MEBIBYTE:.0f} MiB"


def _milliseconds(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    return f"p50 {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms"


if __name__ == "__main__":
    asyncio.run(main())
