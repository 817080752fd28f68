"""The console as a person uses it: with a browser, by clicking."""

import asyncio
import contextlib
import io
import json
import re

import aio_pika
from PIL import Image
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Route, expect

from deploy.local.stage import RunningConsole
from tests.e2e.conftest import World
from tests.e2e.console.conftest import PATIENCE, SMALL, Browser

FRIENDLY = "Your order is on its way."
MARKUP = "<img src=x onerror=document.title='owned'><b>Ana</b>\"'&amp;"


async def _paired_by_clicking(page: Page, world: World, name: str) -> tuple[str, str]:
    """A session made and linked on the pages; its id, and the phone's number."""
    phone, session = await world.phones.give(name), world.new_session_id()
    await page.get_by_role("button", name="New session").click()
    await page.get_by_label("Session id").fill(session)
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("img.qr")).to_be_visible()
    await page.locator(".people button", has_text=name[:12]).last.click()
    await expect(page.locator(f'.phone[data-phone="{phone.number}"]')).to_be_visible()
    await page.get_by_role("button", name="Scan the code").click()
    await expect(page.locator("#state[data-state=connected]")).to_be_visible()
    return session, phone.number


async def test_a_page_hears_what_happens_however_late_its_scripts_come(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    async def late(route: Route) -> None:
        await asyncio.sleep(0.5)  # a slow network: long enough for whatever would not wait for it
        await route.continue_()

    await browser.context.route("**/htmx-*.js", late)
    try:
        page = await browser.page(f"{console.url}/sessions")
        session = world.new_session_id()
        await world.create(session)
        await expect(page.locator("#sessions")).to_contain_text(session)
    finally:
        await browser.context.unroute("**/htmx-*.js", late)


async def test_a_session_is_made_linked_and_talks_by_clicking(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    other = await world.phones.give("Ben")
    page = await browser.page(f"{console.url}/sessions")
    session, number = await _paired_by_clicking(page, world, "Ana of the pages")
    await expect(page.locator("#events")).to_contain_text("connected")  # live, without loading the page again

    await page.get_by_label("Number to write to").fill(other.number)
    await page.get_by_role("button", name="Open chat").click()
    await page.get_by_label("Message", exact=True).fill(f"{FRIENDLY}\nIt comes on Tuesday.")
    await page.get_by_role("button", name="Send", exact=True).first.click()
    mine = page.locator(".talk .bubble.mine")
    await expect(mine.locator(".ticks.delivered")).to_be_visible()
    (arrived,) = await world.phones.inbox(other, at_least=1)
    assert arrived["content"]["text"] == f"{FRIENDLY}\nIt comes on Tuesday."
    await world.phones.read(other, arrived["messageId"])
    await expect(mine.locator(".ticks.read")).to_be_visible()

    await world.phones.send(other, number, "Thank you! That is soon.")
    theirs = page.locator(".talk .bubble.theirs")
    await expect(theirs.locator(".said")).to_have_text("Thank you! That is soon.")

    await page.get_by_label("Send a file").click()
    picture = {"name": "dot.png", "mimeType": "image/png", "buffer": _dot()}
    await page.locator("input[type=file]").set_input_files(files=[picture])  # pyright: ignore[reportArgumentType] (Playwright's own type)
    await page.get_by_label("Message", exact=True).fill("a dot")
    await page.get_by_role("button", name="Send", exact=True).first.click()
    await page.get_by_role("button", name="Get the file").click()
    shown = page.locator(".talk .bubble img.image")
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("complete", value=True)
    await browser.picture(page, "chat")

    await page.goto(f"{console.url}/sessions/{session}")
    await expect(page.locator("#top h1")).to_have_text("Ana of the pages")
    await browser.picture(page, "session")
    assert await page.title() == "Ana of the pages · WhatsApp gateway"
    assert browser.complaints == []


async def test_the_phone_that_was_chosen_stays_chosen_when_an_older_answer_comes_late(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    first, chosen = await world.phones.give("Early"), await world.phones.give("Chosen one")
    page = await browser.page(f"{console.url}/sessions")
    await page.locator(".people button", has_text="Early").last.click()
    await expect(page.locator(f'.phone[data-phone="{first.number}"]')).to_be_visible()
    asked, release = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await release.wait()
        with contextlib.suppress(PlaywrightError):  # the page has given it up
            await route.fulfill(response=answer)

    await page.route(re.compile(rf"/phones\?phone=%2B{first.number.lstrip('+')}$"), late)
    await asked.wait()  # the panel's own question, as every 1.5 s
    await page.locator(".people button", has_text="Chosen one").last.click()
    there = page.locator(f'.phone[data-phone="{chosen.number}"]')
    await expect(there).to_be_visible()
    async with page.expect_response(re.compile(rf"/phones\?phone=%2B{chosen.number.lstrip('+')}$")):
        release.set()
    await expect(there).to_be_visible()
    assert await page.locator(f'.phone[data-phone="{first.number}"]').count() == 0


async def test_names_that_are_markup_are_text(world: World, console: RunningConsole, browser: Browser) -> None:
    member = await world.paired(MARKUP)
    other = await world.phones.give(MARKUP)
    await world.phones.send(other, member.phone.number, MARKUP)
    page = await browser.page(f"{console.url}/sessions/{member.session_id}")
    await expect(page.locator("#top h1")).to_have_text(MARKUP)
    await world.phones.send(other, member.phone.number, f"{MARKUP} again")
    await expect(page.locator("#events")).to_contain_text("again")
    await expect(page.locator("#chats strong").first).to_have_text(MARKUP)
    await page.locator("#chats a").first.click()
    await expect(page.locator(".talk .said").last).to_have_text(f"{MARKUP} again")
    await page.goto(f"{console.url}/sessions?q=<script>alert(1)</script>")
    await expect(page.get_by_label("Search")).to_have_value("<script>alert(1)</script>")
    await page.get_by_label("Search").fill("onerror")
    await expect(page.locator(".sessions strong").first).to_have_text(MARKUP)
    assert await page.locator("img[onerror], .sessions b, #chats b").count() == 0
    assert "owned" not in await page.title()
    assert browser.complaints == []


async def test_a_dead_letter_is_looked_at_tried_again_and_dropped(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    body = json.dumps({"specversion": "1.0", "id": "odd/<b>1", "source": "/x", "type": "message.send.v1", "data": {}})
    message = aio_pika.Message(body.encode(), content_type="application/cloudevents+json")
    await world.backend.commands.publish(message, "control", mandatory=True)
    page = await browser.page(f"{console.url}/dead")
    page.on("dialog", lambda dialog: dialog.accept())
    letter = page.locator(".letter:has([hx-get*='odd'])")
    await expect(letter).to_contain_text("command.invalid")
    await letter.locator("summary").click()
    await expect(letter.locator("pre")).to_contain_text("odd/<b>1")
    await browser.picture(page, "dead")
    await letter.get_by_role("button", name="Try again").click()
    await expect(page.locator("#dead .notice")).to_have_text("1 tried again.")
    async with asyncio.timeout(PATIENCE / 1000):
        while not await letter.count():  # it fails in the same way, and lies there again
            await page.reload()
            await expect(page.locator("#dead .letters, #dead .empty:not(:has-text('Looking'))")).to_be_visible()
    await letter.get_by_role("button", name="Drop").click()
    await expect(page.locator("#dead .notice")).to_have_text("1 dropped.")
    await expect(letter).to_have_count(0)


async def test_any_command_is_a_form_and_an_envelope(world: World, console: RunningConsole, browser: Browser) -> None:
    member, other = await world.paired("Tess"), await world.phones.give("Cleo")
    page = await browser.page(f"{console.url}/try?session={member.session_id}")
    await expect(page.locator("#envelope .problems")).to_contain_text("to is required")
    await page.locator("select[name='content.kind']").select_option("poll")
    await page.locator("[name='content.question']").fill("Does it <work>?")
    await page.locator("[name='content.options']").fill("Yes\nNot yet")
    await page.locator("#try [name=to]").fill(other.number)
    await expect(page.locator("#copy-envelope")).to_contain_text("Does it <work>?")
    await browser.picture(page, "try")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".answer")).to_contain_text("command.accepted.v1")
    (arrived,) = await world.phones.inbox(other, at_least=1)
    assert arrived["content"]["question"] == "Does it <work>?"
    await page.locator("select[name=type]").select_option("session.describe.v1")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".answer")).to_contain_text('"state": "connected"')


async def test_on_a_small_screen_nothing_is_wider_than_the_screen(
    world: World, console: RunningConsole, browser: Browser
) -> None:
    member, other = await world.paired("Sam"), await world.phones.give("Dora")
    for text in ("a-word-without-an-end-" * 12, "Hello! When do you open tomorrow?", "And are dogs welcome?"):
        await world.phones.send(other, member.phone.number, text)
    page = await browser.page(f"{console.url}/")
    await page.set_viewport_size(SMALL)  # pyright: ignore[reportArgumentType] (Playwright's own type)
    chat = f"/sessions/{member.session_id}/chats/{other.jid}"
    for path in ("/", "/sessions", f"/sessions/{member.session_id}", chat, "/dead", "/try"):
        await page.goto(f"{console.url}{path}")
        await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= SMALL["width"], path
        if path == chat:
            await expect(page.locator("#messages .bubble.theirs")).to_have_count(3)  # its phone has them, too
            await browser.picture(page, "small")


def _dot() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (14, 122, 90)).save(file, "PNG")
    return file.getvalue()
