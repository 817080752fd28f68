"""The wire's own companion: Noise IK and XXfallback, and what Baileys does not check."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import aiohttp

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from tests.integration.simulator.conftest import World
from tests.support.companion.client import Companion, Credentials, new_credentials
from tests.support.companion.events import (
    Acknowledged,
    Ended,
    Event,
    QrShown,
    Ready,
    ReceiptArrived,
    Received,
)

_E = TypeVar("_E", bound=Event)


class BrokerConnection:
    """One connection of a companion."""

    def __init__(self, companion: Companion, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.companion = companion
        self._websocket = websocket
        self._events: list[Event] = []

    async def wait(self, kind: type[_E], met: Callable[[_E], bool] = lambda _: True) -> _E:
        """The next event of that kind, taken out."""
        async with asyncio.timeout(60):
            while True:
                for event in self._events:
                    if isinstance(event, kind) and met(event):
                        self._events.remove(event)
                        return event
                message = await self._websocket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, (message.type, self._events)
                self._events += self.companion.receive(message.data)
                await self.flush()

    async def flush(self) -> None:
        """Sends what is to be sent."""
        if output := self.companion.output():
            await self._websocket.send_bytes(output)


async def connect(world: World, credentials: Credentials, *, resume: bool = False) -> BrokerConnection:
    """A new connection."""
    root = bytes.fromhex(world.simulator.root_key)
    companion = Companion(credentials, root_public=root, now=int(time.time()), resume=resume)
    websocket = await world.http.ws_connect(world.simulator.ws_url)
    await websocket.send_bytes(companion.start())
    return BrokerConnection(companion, websocket)


async def linked(world: World, phone: str) -> Credentials:
    """A companion that the person has scanned."""
    credentials = new_credentials()
    link = await connect(world, credentials)
    qr = await link.wait(QrShown)
    await world.post(f"/phones/{phone}/scan", qr=qr.text)
    assert (await link.wait(Ended)).code == "515"
    return credentials


async def test_a_strict_companion_pairs_and_resumes_by_ik(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    credentials = await linked(world, ann)
    await (await connect(world, credentials)).wait(Ready)
    assert credentials.server_static
    resumed = await connect(world, credentials, resume=True)
    await resumed.wait(Ready)
    resumed.companion.send(f"{bob}@s.whatsapp.net", Message(conversation="by IK"), "IK1")
    await resumed.flush()
    assert (await resumed.wait(Acknowledged)).error == ""
    await resumed.wait(ReceiptArrived, lambda receipt: receipt.kind == "")
    (entry,) = await world.inbox(bob)
    assert entry["content"]["text"] == "by IK"


async def test_a_stale_server_key_falls_back_to_xx(world: World) -> None:
    credentials = await linked(world, await world.person())
    credentials.server_static = KeyPair.generate().public
    await (await connect(world, credentials, resume=True)).wait(Ready)


async def test_another_noise_key_than_the_linked_one_is_refused(world: World) -> None:
    credentials = await linked(world, await world.person())
    credentials.noise = KeyPair.generate()
    assert (await (await connect(world, credentials)).wait(Ended)).code == "401"
    assert await world.stat("loginsRefused") == 1


async def test_what_waited_offline_comes_after_active_to_who_asks_for_no_batches(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    credentials = await linked(world, ann)
    first = await connect(world, credentials)
    await first.wait(Ready)
    await world.post("/faults", kind="drop", phone=ann)
    await world.simulator.wait_until(lambda: world.simulator.open_connections == 0, 5)
    sent = [await world.text(bob, ann, f"message {number}") for number in range(30)]
    link = await connect(world, credentials)
    got = [(await link.wait(Received, lambda event: not event.own)).message_id for _ in sent]
    assert got == sent
    await link.wait(Ready)


async def test_a_text_to_a_lid_is_read(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    link = await connect(world, await linked(world, ann))
    await link.wait(Ready)
    lid = (await world.get(f"/phones/{bob}"))["lid"]
    link.companion.send(lid, Message(conversation="by lid"), "LID1")
    await link.flush()
    assert (await link.wait(Acknowledged)).error == ""
    (entry,) = await world.inbox(bob)
    assert entry["content"]["text"] == "by lid"
