"""A session's proxy carries everything between it and WhatsApp: the connection, and files both ways."""

import base64
import os
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import World
from tests.e2e.media.test_in import event_about, say, stored, with_file
from tests.support.network.proxies import Proxy, a_proxy

CREDENTIALS = base64.b64encode(b"user:secret").decode()
SIZE = 900_000


async def media_host(world: World) -> str:
    async with world.phones.http.get("/root-key") as answer:
        addresses: dict[str, str] = await answer.json()
        return urlsplit(addresses["mediaUrl"]).netloc


def whatsapp(world: World) -> str:
    return urlsplit(world.stage.settings["GATEWAY_WHATSAPP_URL"]).netloc


def credentials(proxy: Proxy, target: str) -> set[str | None]:
    return {each.authorization for each in proxy.tunnels if each.target == target}


@pytest.mark.timeout(180)
async def test_a_sessions_proxy_carries_its_connection_and_its_files_and_no_other_sessions(behind_tls: World) -> None:
    world = behind_tls
    host = await media_host(world)
    async with a_proxy() as proxy:
        ana = await world.paired("Ana", options={"proxy": f"http://user:secret@127.0.0.1:{proxy.port}"})
        assert proxy.up(whatsapp(world)) > 0

        cleo = await world.phones.give("Cleo")
        incoming = os.urandom(SIZE)
        received = await say(world, cleo, ana, with_file({"kind": "document"}, incoming))
        ready = await event_about(world, "media.ready.v1", ana, received)
        assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == incoming
        assert SIZE < proxy.down(host) < 2 * SIZE

        before, outgoing = proxy.up(host), os.urandom(SIZE)
        content = {"kind": "document", "media": {"base64": base64.b64encode(outgoing).decode()}}
        for _ in range(2):  # the second time the host is only asked whether it has the file
            data = {"to": cleo.number, "content": content}
            command = await world.backend.publish("message.send.v1", ana.session_id, data)
            await world.status(command, "delivered")
        assert SIZE < proxy.up(host) - before < 2 * SIZE
        assert credentials(proxy, host) == credentials(proxy, whatsapp(world)) == {f"Basic {CREDENTIALS}"}

        through = len(proxy.tunnels), proxy.up(host), proxy.down(host)
        ben = await world.paired("Ben")
        message_id = await say(world, cleo, ben, with_file({"kind": "document"}, incoming))
        await event_about(world, "media.ready.v1", ben, message_id)
        assert (len(proxy.tunnels), proxy.up(host), proxy.down(host)) == through
