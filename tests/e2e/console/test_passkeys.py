"""An account with a passkey, linked in a browser: console, extension, WhatsApp's own origin, a real assertion."""

import base64
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from deploy.local.services import ROOT, PrivateServices
from deploy.local.stage import RunningConsole
from tests.e2e.conftest import World, a_world
from tests.e2e.console.conftest import Browser, a_browser
from tests.support.network.certificates import self_signed
from tests.support.whatsapp.phones import Phone

EXTENSION = ROOT / "deploy/passkey-extension"
SITE = "web.whatsapp.com"
PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


@asynccontextmanager
async def whatsapps_site(folder: Path) -> AsyncGenerator[int]:
    """A page on loopback that the browser takes for WhatsApp's: only its origin matters. Its port."""
    context, _ = self_signed(folder, SITE)
    app = web.Application()
    policy = "default-src 'none'; script-src 'none'; connect-src 'none'"  # as strict as can be
    text = "<!doctype html><title>WhatsApp</title><h1>WhatsApp</h1>"

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})

    app.router.add_get("/{rest:.*}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
async def signing(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> AsyncGenerator[Browser]:
    """A browser with the extension, to which WhatsApp's site is on this machine."""
    async with whatsapps_site(tmp_path_factory.mktemp("site")) as port:
        flags = (
            f"--disable-extensions-except={EXTENSION}",
            f"--load-extension={EXTENSION}",
            f"--host-resolver-rules=MAP {SITE}:443 127.0.0.1:{port}",
            "--ignore-certificate-errors",
        )
        async with a_browser(tmp_path_factory.mktemp("signing"), pictures, *flags) as made:
            yield made


async def _key_of(world: World, phone: Phone) -> dict[str, Any]:
    async with world.phones.http.get(f"/phones/{phone.number}/passkey") as response:
        response.raise_for_status()
        return await response.json()


async def _holds(page: Page, key: dict[str, Any]) -> None:
    """The tab's authenticator is the person's."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    made = cast("dict[str, Any]", await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY}))
    await devtools.send("WebAuthn.addCredential", {"authenticatorId": made["authenticatorId"], "credential": key})


async def _asked(world: World, console: RunningConsole, browser: Browser, phone: Phone) -> tuple[str, Page]:
    """A session whose code was scanned; its page, which shows that a passkey is wanted."""
    session = world.new_session_id()
    await world.create(session)
    page = await browser.page(f"{console.url}/sessions/{session}")
    await world.scan(session, phone)
    await expect(page.locator("[data-step=passkey]")).to_be_visible()
    return session, page


async def _talks(world: World, session: str, phone: Phone) -> None:
    """A message each way."""
    other = await world.phones.give("Ben")
    text = {"to": other.number, "content": {"kind": "text", "text": "linked"}}
    await world.status(await world.backend.publish("message.send.v1", session, text), "delivered")
    await world.phones.send(other, phone.number, "welcome")
    await world.backend.event("message.received.v1", lambda e: e["data"]["sessionId"] == session)


async def test_a_person_signs_with_the_extension_and_the_account_is_linked(
    world: World, console: RunningConsole, signing: Browser
) -> None:
    phone = await world.phones.give("Pia", passkey=True)
    key = await _key_of(world, phone)
    session, page = await _asked(world, console, signing, phone)
    async with signing.context.expect_page() as opening:
        await page.get_by_role("button", name="Sign at web.whatsapp.com").click()
    tab = await opening.value
    await expect(tab.get_by_role("dialog")).to_contain_text(session)
    await expect(tab.get_by_role("dialog")).to_contain_text(console.url)
    await _holds(tab, key)
    await signing.picture(tab, "signing")
    await tab.get_by_role("button", name="Sign").click()
    await expect(page.locator("#state[data-state=connected]")).to_be_visible()
    assert tab.is_closed()
    await _talks(world, session, phone)


async def test_without_the_extension_it_is_pasted_and_a_wrong_one_is_refused(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    phone = await world.phones.give("Pat", passkey=True)
    session, page = await _asked(world, console, browser, phone)
    await expect(page.locator("#snippet")).to_contain_text('"rpId": "whatsapp.com"')
    await expect(page.get_by_role("button", name="Sign at web.whatsapp.com")).to_be_hidden()
    await browser.picture(page, "passkey")
    options = (await world.backend.state(session, "passkey_required"))["data"]["passkey"]["options"]
    assertion = await world.phones.sign(phone, options)
    box = page.get_by_label("What the browser signed")
    for wrong in ("not JSON", "[1]", _at_another_origin(assertion)):
        await box.fill(wrong)
        await page.get_by_role("button", name="Hand in").click()
        await expect(page.locator("#notices .notice.bad").last).to_be_visible()
    await box.fill(_json(assertion))
    await page.get_by_role("button", name="Hand in").click()
    await expect(page.locator("#state[data-state=connected]")).to_be_visible()


async def test_a_person_compares_the_code_where_the_scan_alone_proves_nothing(
    services: PrivateServices, migrated_template: str, tmp_path: Path, browser: Browser
) -> None:
    """Two accounts sign for real: one person says that the phone shows the same code, the other that it does not."""
    always = {"GATEWAY_PASSKEY_HANDOFF_SECONDS": "0", "GATEWAY_BRIDGES": "1"}
    async with a_world(services, migrated_template, tmp_path, always) as world:
        console = await world.stage.start_console({"GATEWAY_CONSOLE_SIMULATOR": world.simulator.url})
        phone = await world.phones.give("Pru", passkey=True)
        session, page = await _asked(world, console, browser, phone)
        code = await _signed(world, page, session, phone)
        await browser.picture(page, "compare-for-real")
        shown = (await world.phones.person(phone))["passkeyCode"]
        assert code == shown, "the phone shows the same"
        await page.get_by_role("button", name="It is the same").click()
        await expect(page.locator("#state[data-state=connected]")).to_be_visible()
        await _talks(world, session, phone)

        other = await world.phones.give("Pam", passkey=True)
        session, page = await _asked(world, console, browser, other)
        await _signed(world, page, session, other)
        await page.get_by_role("button", name="It is not").click()
        await expect(page.locator("[data-step=begin]")).to_be_visible()
        await expect(page.locator(".standing")).to_contain_text("pairing.untrusted")
        assert (await world.phones.person(other))["companions"] == []


async def _signed(world: World, page: Page, session: str, phone: Phone) -> str:
    """The assertion is handed in; the code that the page wants compared."""
    options = (await world.backend.state(session, "passkey_required"))["data"]["passkey"]["options"]
    await page.get_by_label("What the browser signed").fill(_json(await world.phones.sign(phone, options)))
    await page.get_by_role("button", name="Hand in").click()
    await expect(page.locator("#passkey-code")).to_have_text(re.compile(r"^\w{4}-\w{4}$"))
    return await page.locator("#passkey-code").inner_text()


def _at_another_origin(assertion: dict[str, Any]) -> str:
    said = base64.urlsafe_b64decode(assertion["response"]["clientDataJSON"] + "==")
    other = said.replace(b"https://web.whatsapp.com", b"https://elsewhere.example")
    text = base64.urlsafe_b64encode(other).decode().rstrip("=")
    return _json(assertion | {"response": assertion["response"] | {"clientDataJSON": text}})


def _json(value: object) -> str:
    return json.dumps(value)
