"""What the console offers to copy for curl, against RabbitMQ's own management API."""

import asyncio
import subprocess

import pytest

from deploy.local.stage import RunningConsole
from tests.e2e.conftest import World
from tests.e2e.console.conftest import Browser
from tests.support.services.rabbitmqctl import management

TEXT = 'It\'s "curl", & <sent> für\neverybody'


@pytest.mark.alone
async def test_a_copied_curl_sends_a_message(world: World, console: RunningConsole, browser: Browser) -> None:
    member, other = await world.paired("Cora"), await world.phones.give("Cuno")
    page = await browser.page(f"{console.url}/try?session={member.session_id}")
    await page.locator("#try [name=to]").fill(other.number)
    await page.locator("[name='content.text']").fill(TEXT)
    await page.get_by_text("as curl").click()
    script = await page.locator("#copy-3").inner_text()
    async with management(world.services) as address:
        user, _, host = address.removeprefix("http://").partition("@")
        own = script.replace("user:password", user).replace("rabbitmq:15672", host)
        said = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", own], check=True, capture_output=True, text=True, timeout=60
        )
    assert said.stdout == '{"routed":true}'
    (arrived,) = await world.phones.inbox(other, at_least=1)
    assert arrived["content"]["text"] == TEXT
