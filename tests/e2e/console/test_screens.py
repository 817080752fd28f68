"""Every page on a large and on a small screen: what is there is within the screen, and can be clicked."""

import asyncio
import base64
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
from playwright.async_api import Page, expect

from deploy.local.stage import RunningConsole
from gateway_worker.webhooks.names import WebhookNames
from schemas.topology.channels import Topology
from tests.e2e.conftest import Member, World
from tests.e2e.console.conftest import LARGE, SMALL, Browser, of_button
from tests.support.media import encoded_sound, film, picture, sound

OUT_OF_REACH = """() => {
  const found = []
  const within = document.querySelector('dialog[open], details.menu[open]') ?? document
  for (const each of within.querySelectorAll('button, a[href], input, select, textarea, summary')) {
    if (each.type === 'hidden' || !each.checkVisibility({ visibilityProperty: true })) continue
    each.scrollIntoView({ block: 'center', inline: 'nearest' })
    const box = each.getBoundingClientRect()
    if (!box.width || !box.height) continue
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
    const isHit = hit && (each.contains(hit) || hit.closest('label, summary')?.contains(each))
    if (box.left < -1 || box.right > innerWidth + 1 || !isHit) found.push(each.outerHTML.slice(0, 120))
  }
  const width = document.documentElement.scrollWidth
  if (width > innerWidth) found.push(`the page is ${width} wide`)
  return found
}"""


async def look(browser: Browser, page: Page, name: str) -> None:
    """The page as it is, on both screens; the picture is for people."""
    for size, screen in (("large", LARGE), ("small", SMALL)):
        await page.set_viewport_size(screen)  # pyright: ignore[reportArgumentType] (Playwright's own type)
        assert await page.evaluate(OUT_OF_REACH) == [], (name, size)
        await page.evaluate("scrollTo(0, 0)")
        await browser.picture(page, f"{name}-{size}")
    await page.set_viewport_size(LARGE)  # pyright: ignore[reportArgumentType] (Playwright's own type)


async def _menu(page: Page, action: str) -> None:
    await page.get_by_label("What can be done").click()
    await page.get_by_role("button", name=of_button(action)).click()


async def test_a_session_from_its_code_to_its_end(world: World, console: RunningConsole, browser: Browser) -> None:
    phone, session = await world.phones.give("Cora"), world.new_session_id()
    page = await browser.page(f"{console.url}/sessions")
    await page.get_by_role("button", name="New session").click()
    await page.get_by_label("Session id").fill(session)
    await page.get_by_label("Phone number").fill(phone.number)
    await look(browser, page, "new-session")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#pairing-code")).to_have_text(re.compile(r"^\w{4}-\w{4}$"))
    await look(browser, page, "code")
    code = await page.locator("#pairing-code").inner_text()
    await world.phones.link(phone, code.replace("-", ""))
    await expect(page.locator("#state[data-state=connected]")).to_be_visible()

    await _menu(page, "Restart")
    await expect(page.locator("#events .line").filter(has_text=re.compile("^connected")).nth(1)).to_be_visible()
    await _menu(page, "Move to another worker")
    await expect(page.locator("#notices")).to_contain_text("moves to another worker")
    await page.get_by_label("What can be done").click()
    await look(browser, page, "menu")
    await page.get_by_label("What can be done").click()
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
    await _menu(page, "Log out")
    await expect(page.locator("#state[data-state=connected]")).to_be_visible()
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await _menu(page, "Log out")
    await expect(page.locator("[data-step=begin]")).to_be_visible()
    await look(browser, page, "logged-out")
    await page.get_by_role("button", name="Show a QR code").click()
    await expect(page.locator("img.qr")).to_be_visible()
    await look(browser, page, "qr")

    await _menu(page, "Delete …")
    await page.get_by_label("Purge").check()
    await page.get_by_label("Type its id").fill("another")
    await look(browser, page, "delete")
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.locator("#notices .bad")).to_contain_text("Nothing was deleted")
    await page.get_by_label("Type its id").fill(session)
    await page.get_by_role("button", name="Delete for good").click()
    await page.wait_for_url("**/sessions")
    await world.backend.state(session, "deleted")
    await page.get_by_label("Search").fill(session)
    await expect(page.locator(".empty")).to_contain_text("No session is like that")
    assert browser.complaints == []


async def tell(world: World, session: str, state: str, **data: object) -> None:
    """Tell of a state as a worker would."""
    now = datetime.now(UTC)
    seen = {"sessionId": session, "userId": "tester", "workerId": "w", "state": state, "timestamp": _text(now), **data}
    event = {"specversion": "1.0", "id": f"told-{now.timestamp()}", "source": "/t", "type": "session.status.v1"}
    body = json.dumps({**event, "subject": session, "time": _text(now), "data": seen}).encode()
    exchange = await world.backend.channel.get_exchange(f"{world.backend.namespace}.events")
    await exchange.publish(aio_pika.Message(body), f"session.status.{session}")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_a_code_to_compare_and_what_waits_for_a_person(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    session = world.new_session_id()
    await world.create(session)
    await world.backend.state(session, "qr_required")
    page = await browser.page(f"{console.url}/sessions/{session}")
    await expect(page.locator("img.qr")).to_be_visible()
    until = _text(datetime.now(UTC) + timedelta(minutes=5))
    await tell(world, session, "passkey_confirm", code="K7QF-2M9X", expiresAt=until)
    await expect(page.locator("#passkey-code")).to_have_text("K7QF-2M9X")
    await look(browser, page, "compare")
    await page.get_by_role("button", name="It is the same").click()
    await expect(page.locator("#notices .bad")).to_contain_text("session.not_pairing")  # the gateway asks for none

    reason = {"code": "account.restricted", "message": "WhatsApp restricts this account.", "action": "wait"}
    await tell(world, session, "restricted", reason=reason)
    await expect(page.locator("#state[data-state=restricted]")).to_be_visible()
    await look(browser, page, "restricted")
    names = WebhookNames(Topology(world.backend.namespace))
    for exchange in names.plan().exchanges:
        await world.backend.channel.declare_exchange(exchange.name, exchange.kind, durable=True)
    dead = await world.backend.channel.declare_queue(
        names.dead, durable=True, arguments=dict(names.plan().queues[0].arguments)
    )
    await dead.bind(names.dead)
    headers: dict[str, Any] = {"x-gateway-code": "webhook.gave_up", "x-gateway-message": "The target answers 503.",
                               "x-gateway-queue": names.queue("shop")}  # fmt: skip
    event = {"specversion": "1.0", "id": "told-1", "source": "/t", "type": "message.received.v1", "subject": session}
    letter = aio_pika.Message(json.dumps(event).encode(), headers=headers)
    await (await world.backend.channel.get_exchange(names.dead)).publish(letter, "shop")
    await page.goto(f"{console.url}/")
    await expect(page.locator(".attention")).to_contain_text("restricts this account")
    await expect(page.locator(".attention")).to_contain_text("no webhook took")
    await look(browser, page, "fleet")
    await page.get_by_role("link", name=re.compile("no webhook took")).click()
    await expect(page.locator(".letter")).to_contain_text("The target answers 503.")
    await page.locator(".letter summary").click()
    await expect(page.locator(".letter pre")).to_contain_text("told-1")
    await look(browser, page, "dead-webhooks")
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name=of_button("Drop")).click()
    await expect(page.locator("#dead .notice")).to_have_text("1 dropped.")


def _files() -> dict[str, tuple[dict[str, Any], bytes, str]]:
    return {
        "image": ({"kind": "image", "caption": "Our garden"}, picture("JPEG", 640, 420), "image/jpeg"),
        "sticker": ({"kind": "sticker"}, picture("WEBP", 512, 512), "image/webp"),
        "video": ({"kind": "video", "caption": "A film"}, film(2), "video/mp4"),
        "audio": ({"kind": "audio"}, sound(2), "audio/mpeg"),
        "voice": ({"kind": "voice"}, encoded_sound("libopus", "ogg"), "audio/ogg; codecs=opus"),
        "document": ({"kind": "document"}, b"%PDF-1.4 a plan", "application/pdf"),
    }


async def test_a_groups_chat_with_every_kind_of_file(world: World, console: RunningConsole, browser: Browser) -> None:
    member, other = await world.paired("Gina"), await world.phones.give("Hugo")
    group = await world.phones.make_group(other, "Neighbours of the long road", member.phone)
    page = await browser.page(f"{console.url}/sessions/{member.session_id}")
    await page.get_by_role("button", name="Find groups").click()
    await page.get_by_role("link", name=re.compile("Neighbours")).click()
    for content, file, mimetype in _files().values():
        media = {"base64": base64.b64encode(file).decode(), "mimetype": mimetype, "fileName": "a plan.pdf"}
        await world.phones.send(other, group, "", content={**content, "media": media})
    talk = page.locator("#messages")
    await expect(talk.locator(".bubble.theirs")).to_have_count(len(_files()))
    await expect(talk.locator(".author").first).to_have_text("Hugo")
    await expect(talk.locator("img.image")).to_have_js_property("naturalWidth", 640)
    await expect(talk.locator("img.sticker")).to_have_js_property("naturalWidth", 512)
    for element in (talk.locator("video"), talk.locator("audio").first, talk.locator("audio").last):
        await expect(element).to_be_visible()
        await element.evaluate(PLAYED)
    await expect(talk.locator("a.file")).to_contain_text("a plan.pdf")
    await page.get_by_label("Message", exact=True).fill("What a nice garden!")
    await page.get_by_role("button", name="Send", exact=True).first.click()
    await expect(talk.locator(".bubble.mine .ticks")).to_have_class(re.compile("sent|delivered|read"))
    await expect(talk.locator(".author").filter(has_text="Hugo")).to_have_count(len(_files()))
    await look(browser, page, "group")
    async with page.expect_download() as downloading:
        await talk.locator("a.file").click()
    assert (await (await downloading.value).path()).read_bytes() == _files()["document"][1]
    assert browser.complaints == []


PLAYED = """async (player) => {
  player.muted = true
  await player.play()
  await new Promise((done, failed) => { player.onended = done; player.onerror = () => failed(player.error) })
}"""


async def test_a_copied_command_works_elsewhere(
    world: World, console: RunningConsole, browser: Browser, tmp_path: Path
) -> None:
    member, other = await world.paired("Toni"), await world.phones.give("Uwe")
    page = await browser.page(f"{console.url}/try?session={member.session_id}")
    await page.locator("#try [name=to]").fill(other.number)
    await page.locator("[name='content.text']").fill('It\'s "copied", & <sent> from\nelsewhere')
    await look(browser, page, "try")
    await page.get_by_text("as Python").click()
    text = await page.locator("#copy-1").inner_text()
    program = tmp_path / "copied.py"
    program.write_text(text.replace("amqp://user:password@rabbitmq/", world.services.environment()["GATEWAY_AMQP_URL"]))
    await asyncio.to_thread(subprocess.run, [sys.executable, program], check=True, timeout=60)
    (arrived,) = await world.phones.inbox(other, at_least=1)
    assert arrived["content"]["text"] == 'It\'s "copied", & <sent> from\nelsewhere'

    await page.get_by_text("as curl").click()
    script = await page.locator("#copy-3").inner_text()
    printed = await asyncio.to_thread(_as_the_shell_reads_it, script)
    assert json.loads(json.loads(printed)["payload"])["data"]["content"]["text"] == arrived["content"]["text"]
    await page.get_by_text("as JavaScript").click()
    source = await page.locator("#copy-2").inner_text()
    module = tmp_path / "copied.mjs"
    module.write_text(source)
    await asyncio.to_thread(subprocess.run, ["node", "--check", module], check=True, timeout=60)


def _as_the_shell_reads_it(script: str) -> str:
    """The body that curl would send."""
    body = f'curl() {{ while [ $# -gt 1 ]; do shift; done; printf %s "$1"; }}\n{script}'
    return subprocess.run(["sh", "-c", body], check=True, capture_output=True, text=True, timeout=20).stdout


async def test_a_read_only_console_shows_everything_and_offers_nothing(
    world: World, browser: Browser, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    await world.send(ana, ben.phone, "Only to be looked at")
    running = await world.stage.start_console({"GATEWAY_CONSOLE_READ_ONLY": "true"})
    page = await browser.page(f"{running.url}/")
    chat = f"/sessions/{ana.session_id}/chats/{ben.phone.jid}"
    for name, path in (("fleet", "/"), ("sessions", "/sessions"), ("chat", chat), ("dead", "/dead"), ("try", "/try")):
        await page.goto(f"{running.url}{path}")
        await expect(page.locator(".rail").get_by_text("read-only")).to_be_visible()
        for offer in ("New session", "Send", "Mark read", "Drop", "Try again"):
            assert await page.get_by_role("button", name=of_button(offer)).count() == 0, (name, offer)
        await look(browser, page, f"read-only-{name}")
