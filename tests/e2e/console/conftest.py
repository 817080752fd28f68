"""A console beside the shared world, and a browser: Debian's Chromium, driven by Playwright's library."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from deploy.local.stage import RunningConsole
from tests.e2e.conftest import World

EVENTS_KEY = "a-key-that-a-backend-and-its-console-share"
ORIGIN = "https://shop.example"
PATIENCE = 60_000  # ms; nothing depends on it, also on a busy machine
LARGE = {"width": 1280, "height": 800}
SMALL = {"width": 390, "height": 844}
CHROMIUM = shutil.which("chromium")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")

expect.set_options(timeout=PATIENCE)


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's browser. `complaints`: what the pages' scripts and their policy complained of."""

    context: BrowserContext
    pictures: Path
    complaints: list[str]

    async def page(self, url: str) -> Page:
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(url)
        return page

    async def picture(self, page: Page, name: str) -> None:
        """A screenshot, to be looked at."""
        await page.screenshot(path=self.pictures / f"{name}.png")


@pytest.fixture(scope="session")
async def console(world: World) -> RunningConsole:
    """The shared world's console."""
    return await world.stage.start_console(
        {
            "GATEWAY_CONSOLE_SIMULATOR": world.simulator.url,
            "GATEWAY_CONSOLE_EVENTS_KEY": EVENTS_KEY,
            "GATEWAY_CONSOLE_ORIGINS": ORIGIN,
        }
    )


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots are."""
    return tmp_path_factory.mktemp("pictures")


@asynccontextmanager
async def a_browser(profile: Path, pictures: Path, *flags: str) -> AsyncGenerator[Browser]:
    """A browser with a profile of its own. Skipped where Debian's Chromium is missing (not as root in CI: setup)."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=[*FLAGS, *flags],
            viewport=LARGE,  # pyright: ignore[reportArgumentType] (a TypedDict of Playwright's)
            timezone_id="UTC",
            ignore_https_errors=True,
        )
        try:
            yield Browser(context=context, pictures=pictures, complaints=[])
        finally:
            await context.close()


@pytest.fixture(scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> AsyncGenerator[Browser]:
    """One for all tests."""
    async with a_browser(tmp_path_factory.mktemp("profile"), pictures) as made:
        yield made


@pytest.fixture
async def browser(chromium: Browser) -> AsyncGenerator[Browser]:
    """A test's pages, which end with it: each holds one of the six connections that a browser opens to a host."""
    before = list(chromium.context.pages)
    yield Browser(context=chromium.context, pictures=chromium.pictures, complaints=[])
    for page in chromium.context.pages:
        if page not in before:
            await page.close()


def of_button(text: str) -> re.Pattern[str]:
    """A button's whole name."""
    return re.compile(rf"^{re.escape(text)}$")
