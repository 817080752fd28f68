"""The control API: shapes, and errors that say what is wrong."""

import asyncio
import io
import ssl
from typing import Any

import aiohttp
import pytest

from gateway_worker.simulator.run import run
from tests.integration.simulator.conftest import World

GOOD_TEXT = {"kind": "text", "text": "hello"}


async def test_what_to_trust_is_a_root_key_of_32_bytes_and_the_media_hosts_certificate(world: World) -> None:
    answer = await world.get("/root-key")
    assert answer["rootKey"] == world.simulator.root_key
    assert len(bytes.fromhex(answer["rootKey"])) == 32
    context = ssl.create_default_context(cadata=answer["mediaCertificate"])
    async with world.http.get(f"{answer['mediaUrl']}/v/nothing", ssl=context) as response:
        assert response.status == 404


async def test_a_phone_is_made_once_and_may_be_renamed(world: World) -> None:
    first = await world.post("/phones", phone="+15550009999", name="Ann")
    assert (first["phone"], first["jid"]) == ("+15550009999", "15550009999@s.whatsapp.net")
    again = await world.post("/phones", phone="15550009999", name="Anna", passkey=True)
    assert (again["name"], again["passkey"], again["lid"]) == ("Anna", True, first["lid"])
    assert [phone["phone"] for phone in await world.get("/phones")] == ["+15550009999"]
    assert (await world.get("/phones/%2B15550009999"))["name"] == "Anna"
    assert (await world.get("/phones/+15550009999"))["name"] == "Anna"


async def test_phones_talk_to_each_other_and_a_long_poll_waits_for_it(world: World) -> None:
    ann, bob = await world.person("Ann"), await world.person("Bob")
    message_id = await world.text(ann, bob, "hello")
    (entry,) = await world.inbox(bob)
    assert entry["messageId"] == message_id
    assert entry["timestamp"].endswith("Z")
    (sent,) = await world.get(f"/phones/{ann}/outbox")
    assert (sent["messageId"], sent["device"]) == (message_id, 0)
    assert await world.get(f"/phones/{bob}/inbox?wait=0.01&atLeast=2") == [entry]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/phones", {}, 400, "request.invalid"),
        ("/phones", {"phone": "abc", "name": "x"}, 400, "phone.invalid"),
        ("/phones", {"phone": 15550001111, "name": "x"}, 400, "phone.invalid"),
        ("/phones", {"phone": "+15550001111", "name": "x", "passkey": "yes"}, 400, "request.invalid"),
        ("/phones", {"phone": "+15550001111", "name": "x" * 2000}, 400, "request.invalid"),
        ("/phones", {"phone": "+15550001111", "nmae": "x"}, 400, "request.invalid"),
        ("/phones", {"phone": "+15550001111", "name": "\ud800"}, 400, "request.invalid"),
        ("/phones/15559999999/online", {}, 404, "phone.not_found"),
        ("/phones/{bob}/scan", {}, 400, "request.invalid"),
        ("/phones/{bob}/scan", {"qr": "not a qr code"}, 400, "qr.invalid"),
        ("/phones/{bob}/link", {"code": "ABCD1234"}, 410, "code.expired"),
        ("/phones/{bob}/send", {"to": "+15550000001"}, 400, "request.invalid"),
        ("/phones/{bob}/send", {"to": "nobody", "content": GOOD_TEXT}, 400, "request.invalid"),
        ("/phones/{bob}/send", {"to": "+19990001111", "content": GOOD_TEXT}, 404, "recipient.unknown"),
        ("/phones/{bob}/send", {"to": "{bob}", "content": {"kind": "hologram"}}, 400, "content.unsupported"),
        ("/phones/{bob}/send", {"to": "{bob}", "content": {"kind": "text"}}, 400, "content.invalid"),
        ("/phones/{bob}/send", {"to": "{bob}", "content": {"kind": "text", "text": ""}}, 400, "content.invalid"),
        ("/phones/{bob}/send", {"to": "{bob}", "content": {"kind": "text", "text": "\ud800"}}, 400, "content.invalid"),
        (
            "/phones/{bob}/send",
            {"to": "{bob}", "content": {**GOOD_TEXT, "linkPreview": {"url": 1}}},
            400,
            "content.invalid",
        ),
        (
            "/phones/{bob}/send",
            {"to": "{bob}", "content": GOOD_TEXT, "quote": {"messageId": "X"}},
            404,
            "message.not_found",
        ),
        ("/phones/{bob}/send", {"to": "{bob}", "content": GOOD_TEXT, "mentions": ["?"]}, 400, "request.invalid"),
        ("/phones/{bob}/read", {"messageId": "X"}, 404, "message.not_found"),
        ("/phones/{bob}/presence", {"to": "{bob}", "state": "dancing"}, 400, "request.invalid"),
        ("/faults", {"kind": "earthquake"}, 400, "fault.unknown"),
        ("/faults", {"kind": "drop", "after": -1}, 400, "request.invalid"),
        ("/faults", {"kind": "drop", "count": 1.5}, 400, "request.invalid"),
        ("/faults", {"kind": "nack", "code": "x"}, 400, "request.invalid"),
        ("/nowhere", {}, 404, "path.not_found"),
        ("/stats", {}, 405, "method.not_allowed"),
    ],
)
async def test_a_wrong_request_is_answered_with_its_code(
    world: World, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    bob = await world.person("Bob")
    body = {name: bob if value == "{bob}" else value for name, value in body.items()}
    answer = await world.post(path.format(bob=bob), status=status, **body)
    assert answer["code"] == code
    assert answer["message"]


async def test_a_body_that_is_no_object_is_refused(world: World) -> None:
    for raw in (b"{", b"[]", b'"x"', b"\xff"):
        async with world.http.post("/phones", data=raw) as response:
            assert response.status == 400
            assert (await response.json())["code"] == "request.invalid"


async def test_an_oversized_body_is_refused(world: World) -> None:
    async with world.http.post("/phones", data=io.BytesIO(b"x" * (5 << 20))) as response:
        assert response.status == 413
        assert (await response.json())["code"] == "request.too_large"


async def test_faults_are_listed_and_cleared(world: World) -> None:
    ann = await world.person()
    fault = await world.post("/faults", kind="mute", phone=ann)
    assert (fault["kind"], fault["phone"], fault["remaining"]) == ("mute", f"+{ann}", None)
    assert await world.get("/faults") == [fault]
    once = await world.post("/faults", kind="nack", count=3)
    assert (once["code"], once["remaining"]) == (463, 3)
    assert (await world.delete("/faults"))["removed"] == 2
    assert (await world.delete(f"/faults/{fault['id']}", status=404))["code"] == "fault.not_found"


async def test_a_fault_that_waits_for_media_is_accepted(world: World) -> None:
    assert (await world.post("/faults", kind="media_403"))["kind"] == "media_403"


async def test_run_serves_until_it_is_cancelled_and_says_when_it_is_ready() -> None:
    bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run("127.0.0.1", 0, lambda simulator: bound.set_result(simulator.url)))
    async with aiohttp.ClientSession(await bound) as http, http.get("/stats") as response:
        assert (await response.json())["connections"] == 0
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_bytes_that_are_no_whatsapp_client_are_cut_off(world: World) -> None:
    for garbage in (b"GET / HTTP/1.1", b"WA\x06\x03\x00\x00\x04abcd", b"ED\x00\x01\xff\xff\xff"):
        async with world.http.ws_connect(world.simulator.ws_url) as websocket:
            await websocket.send_bytes(garbage)
            assert (await websocket.receive(timeout=60)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert await world.stat("malformed") + await world.stat("handshakesRefused") == 3
