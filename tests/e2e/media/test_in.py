"""Files of messages that come in: told at once, then fetched into the bucket, or it is told why not."""

import asyncio
import base64
import hashlib
import io
import json
import os
import signal
from typing import Any

import psutil
import pytest

from deploy.local.services import PrivateServices
from gateway_worker.objects.client import S3Client
from tests.e2e.conftest import Member, World
from tests.e2e.sessions.test_takeover import wait_for_line
from tests.support.backend import Document
from tests.support.services.s3 import s3_client
from tests.support.whatsapp.phones import Phone

BUCKET = "whatsapp-media"
JPEG = b"\xff\xd8\xff\xe0" + os.urandom(3_000)
CONTENTS: dict[str, tuple[dict[str, Any], str, bytes]] = {
    "image": ({"kind": "image", "caption": "Look"}, "image/jpeg", JPEG),
    "video": ({"kind": "video", "caption": "Look"}, "video/mp4", os.urandom(20_000)),
    "gif": ({"kind": "video", "gif": True}, "video/mp4", os.urandom(2_000)),
    "note": ({"kind": "video", "note": True}, "video/mp4", os.urandom(2_000)),
    "audio": ({"kind": "audio", "seconds": 3}, "audio/mp4", os.urandom(2_000)),
    "voice": ({"kind": "voice", "seconds": 2}, "audio/ogg; codecs=opus", b"OggS" + os.urandom(2_000)),
    "document": ({"kind": "document"}, "application/pdf", b"%PDF-1.7" + os.urandom(1_000)),
    "captioned": ({"kind": "document", "caption": "The plan"}, "application/pdf", b"%PDF-1.7" + os.urandom(1_000)),
    "large": ({"kind": "document"}, "application/zip", os.urandom(11 * 1024 * 1024 + 17)),
    "sticker": ({"kind": "sticker"}, "image/webp", b"RIFF\x00\x00\x00\x00WEBP" + os.urandom(500)),
}


async def say(world: World, phone: Phone, to: Member, content: dict[str, Any], **more: Any) -> str:
    body = json.dumps({"to": to.phone.number, "content": content, **more}).encode()
    async with world.phones.http.post(f"/phones/{phone.number}/send", data=io.BytesIO(body)) as response:
        assert response.ok, await response.text()
        return (await response.json())["messageId"]


def with_file(content: dict[str, Any], file: bytes, **media: str) -> dict[str, Any]:
    return {**content, "media": {"base64": base64.b64encode(file).decode(), **media}}


async def event_about(
    world: World, event_type: str, member: Member, message_id: str, patience: float = 30.0
) -> Document:
    return await world.backend.event(
        event_type, lambda e: e["subject"] == member.session_id and e["data"]["messageId"] == message_id, patience
    )


async def stored(services: PrivateServices, key: str) -> tuple[bytes, str]:
    """An object of the media bucket: its bytes and its content type."""
    async with s3_client(services) as client:
        return await read(client, key)


async def read(client: S3Client, key: str) -> tuple[bytes, str]:
    async with client.calling() as driver, await driver.get_object(BUCKET, key) as response:
        return await response.read(), response.headers["Content-Type"]


async def keys(services: PrivateServices, session_id: str) -> list[str]:
    async with s3_client(services) as client, client.calling() as driver:
        found = driver.list_objects(BUCKET, prefix=f"{session_id}/", recursive=True)
        return [each.object_name async for each in found]


def summary(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "media"}


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_file_comes_into_the_bucket_as_it_was_sent(
    world: World, pair: tuple[Member, Member], name: str
) -> None:
    ana, _ = pair
    cleo = await world.phones.give("Cleo")
    content, mimetype, file = CONTENTS[name]
    message_id = await say(world, cleo, ana, with_file(content, file, mimetype=mimetype, fileName="../a b.bin"))

    received = (await event_about(world, "message.received.v1", ana, message_id))["data"]["content"]
    sha256 = hashlib.sha256(file).hexdigest()
    assert summary(received) == content
    assert (received["media"]["state"], received["media"]["size"], received["media"]["sha256"]) == (
        "pending", len(file), sha256,
    )  # fmt: skip
    ready = (await event_about(world, "media.ready.v1", ana, message_id))["data"]
    assert ready["media"]["object"] == received["media"]["object"]
    assert ready["media"]["object"].startswith(f"{ana.session_id}/received/")
    assert (ready["media"]["state"], ready["media"]["mimetype"]) == ("ready", mimetype)
    assert (ready["media"]["size"], ready["media"]["sha256"]) == (len(file), sha256)
    in_bucket, content_type = await stored(world.services, ready["media"]["object"])
    assert (hashlib.sha256(in_bucket).hexdigest(), content_type) == (sha256, mimetype)

    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": message_id})
    assert described["data"]["result"]["content"]["media"] == ready["media"]


async def test_what_has_no_file_or_no_kind_is_told_all_the_same(world: World, pair: tuple[Member, Member]) -> None:
    ana, _ = pair
    cleo = await world.phones.give("Cleo")
    raw: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"ephemeralMessage": {"message": {"conversation": "gone soon"}}}, {"kind": "text", "text": "gone soon"}),
        ({"buttonsResponseMessage": {"selectedDisplayText": "Yes"}}, {"kind": "text", "text": "Yes"}),
        ({"listResponseMessage": {"title": "Second"}}, {"kind": "text", "text": "Second"}),
        ({"templateButtonReplyMessage": {"selectedDisplayText": "Later"}}, {"kind": "text", "text": "Later"}),
        ({"interactiveResponseMessage": {"body": {"text": "Blue"}}}, {"kind": "text", "text": "Blue"}),
        (
            {"liveLocationMessage": {"degreesLatitude": 1.0, "degreesLongitude": 2.0}},
            {"kind": "location", "latitude": 1.0, "longitude": 2.0, "live": True},
        ),
        ({"groupInviteMessage": {"groupName": "Us"}}, {"kind": "text", "text": "Us", "invite": {"name": "Us"}}),
        ({"eventMessage": {"name": "Party"}}, {"kind": "event", "name": "Party"}),
        ({"albumMessage": {"expectedImageCount": 2}}, {"kind": "album", "images": 2, "videos": 0}),
        ({"requestPhoneNumberMessage": {}}, {"kind": "unsupported", "whatsappType": "requestPhoneNumberMessage"}),
    ]
    for message, expected in raw:
        message_id = await say(world, cleo, ana, {"kind": "raw", "message": message})
        received = await event_about(world, "message.received.v1", ana, message_id)
        assert received["data"]["content"] == expected
        assert received["data"]["sender"]["phone"] == cleo.number


async def test_what_is_viewed_once_says_so(world: World, pair: tuple[Member, Member]) -> None:
    ana, _ = pair
    cleo = await world.phones.give("Cleo")
    message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG), viewOnce=True)
    received = await event_about(world, "message.received.v1", ana, message_id)
    assert (received["data"]["viewOnce"], received["data"]["content"]["kind"]) == (True, "image")
    await event_about(world, "media.ready.v1", ana, message_id)


async def test_a_file_that_is_gone_is_uploaded_again_by_the_phone(world: World) -> None:
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    await world.phones.fault("media_403", cleo, code=410)
    message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
    ready = await event_about(world, "media.ready.v1", ana, message_id)
    assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == JPEG


async def test_a_file_that_nobody_has_any_more_fails_and_is_asked_for_in_vain(world: World) -> None:
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    await world.phones.fault("media_403", cleo)
    await world.phones.fault("media_lost", ana.phone)
    message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
    failed = (await event_about(world, "media.failed.v1", ana, message_id))["data"]
    assert (failed["error"]["code"], failed["media"]["state"]) == ("media.unreachable", "failed")
    assert await keys(world.services, ana.session_id) == []

    await world.phones.post("/faults", {"kind": "media_lost", "phone": ana.phone.number, "count": 0})
    fetched = await world.backend.ask("media.fetch.v1", ana.session_id, {"messageId": message_id})
    assert fetched["type"] == "command.accepted.v1", fetched
    ready = await event_about(world, "media.ready.v1", ana, message_id)
    assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == JPEG


@pytest.mark.parametrize("field", ["fileSha256", "fileEncSha256", "mediaKey"])
async def test_another_file_than_the_message_tells_of_is_not_kept(
    world: World, pair: tuple[Member, Member], field: str
) -> None:
    ana, ben = pair
    cleo = await world.phones.give("Cleo")
    original = await say(world, cleo, ben, with_file({"kind": "document"}, os.urandom(6 * 1024 * 1024)))
    await event_about(world, "media.ready.v1", ben, original)
    async with world.phones.http.get(f"/phones/{cleo.number}/raw/{original}") as response:
        assert response.ok, await response.text()
        message = await response.json()
    part = message["documentMessage"]
    part[field] = base64.b64encode(os.urandom(32)).decode()
    before = await keys(world.services, ana.session_id)
    message_id = await say(world, cleo, ana, {"kind": "raw", "message": message})
    failed = (await event_about(world, "media.failed.v1", ana, message_id))["data"]
    assert (failed["error"]["code"], failed["error"]["detail"]["reason"]) == ("media.unsupported", "damaged")
    assert await keys(world.services, ana.session_id) == before


@pytest.mark.parametrize("length", ["0", "7", str(1 << 45)])
async def test_hashes_decide_and_not_the_length_that_a_message_tells(
    world: World, pair: tuple[Member, Member], length: str
) -> None:
    ana, ben = pair
    cleo = await world.phones.give("Cleo")
    content = os.urandom(70_000)
    original = await say(world, cleo, ben, with_file({"kind": "document"}, content))
    await event_about(world, "media.ready.v1", ben, original)
    async with world.phones.http.get(f"/phones/{cleo.number}/raw/{original}") as response:
        assert response.ok, await response.text()
        message = await response.json()
    message["documentMessage"]["fileLength"] = length
    message_id = await say(world, cleo, ana, {"kind": "raw", "message": message})
    ready = (await event_about(world, "media.ready.v1", ana, message_id))["data"]
    assert (ready["media"]["size"], (await stored(world.services, ready["media"]["object"]))[0]) == (70_000, content)


async def test_what_is_not_wanted_is_skipped_until_it_is_asked_for(world: World) -> None:
    ana = await world.paired("Ana", options={"media": {"maxBytes": 1_000}})
    cleo = await world.phones.give("Cleo")
    small = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG[:900]))
    large = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
    await event_about(world, "media.ready.v1", ana, small)
    received = await event_about(world, "message.received.v1", ana, large)
    assert received["data"]["content"]["media"]["state"] == "skipped"
    assert len(await keys(world.services, ana.session_id)) == 1

    for times in (1, 2):  # the second time it is there already
        mark = {"correlationid": f"fetch-{times}", "tenant": "acme"}
        asked = await world.backend.ask("media.fetch.v1", ana.session_id, {"messageId": large}, **mark)
        assert asked["type"] == "command.accepted.v1", asked
        await world.backend.until(
            lambda times=times: len([
                e for e in world.backend.of(ana.session_id, "media.ready.v1") if e["data"]["messageId"] == large
            ]) == times,
            "media.ready",
        )  # fmt: skip
        ready = world.backend.of(ana.session_id, "media.ready.v1")[-1]
        assert (ready["correlationid"], ready["tenant"]) == (mark["correlationid"], "acme")
        assert ready["causationid"] == asked["causationid"]
    text = await world.phones.send(cleo, ana.phone.number, "Hi")
    await event_about(world, "message.received.v1", ana, text)
    refused = await world.backend.ask("media.fetch.v1", ana.session_id, {"messageId": text})
    assert (refused["data"]["code"], refused["data"]["detail"]["path"]) == ("command.invalid", "data.messageId")
    unknown = await world.backend.ask("media.fetch.v1", ana.session_id, {"messageId": "3EB0FFFF"})
    assert unknown["data"]["code"] == "message.not_found"


async def test_an_edited_caption_shows_the_file_as_it_stands(world: World, pair: tuple[Member, Member]) -> None:
    ana, _ = pair
    cleo = await world.phones.give("Cleo")
    message_id = await say(world, cleo, ana, with_file({"kind": "image", "caption": "Lok"}, JPEG))
    ready = await event_about(world, "media.ready.v1", ana, message_id)
    edit: dict[str, Any] = {
        "type": "MESSAGE_EDIT",
        "key": {"id": message_id, "fromMe": True, "remoteJid": ana.phone.jid},
    }
    edit["editedMessage"] = {"imageMessage": {"caption": "Look"}}
    await say(world, cleo, ana, {"kind": "raw", "message": {"protocolMessage": edit}})
    edited = await event_about(world, "message.edited.v1", ana, message_id)
    assert edited["data"]["content"] == {"kind": "image", "caption": "Look", "media": ready["data"]["media"]}


@pytest.mark.timeout(180)
async def test_a_purge_leaves_nothing_in_the_bucket(world: World) -> None:
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
    await event_about(world, "media.ready.v1", ana, message_id)
    assert len(await keys(world.services, ana.session_id)) == 1
    await world.backend.ask("session.delete.v1", ana.session_id, {"purge": True})
    await world.backend.state(ana.session_id, "deleted")
    async with asyncio.timeout(120):
        while await keys(world.services, ana.session_id):  # noqa: ASYNC110 (S3 tells nobody)
            await asyncio.sleep(1)


@pytest.mark.timeout(240)
async def test_a_worker_that_is_killed_while_it_fetches_leaves_it_to_the_next(mortal_world: World) -> None:
    world = mortal_world
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    files = {os.urandom(8 * 1024 * 1024 + n) for n in range(3)}
    ids = [await say(world, cleo, ana, with_file({"kind": "document"}, file)) for file in files]
    await event_about(world, "message.received.v1", ana, ids[-1])
    await world.worker.child.end(signal.SIGKILL)
    await world.worker.child.wait()
    world.worker = await world.stage.start_worker("worker-001")
    for message_id, file in zip(ids, files, strict=True):
        ready = await event_about(world, "media.ready.v1", ana, message_id, 90)
        assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == file
    ready_ids = [e["data"]["messageId"] for e in world.backend.of(ana.session_id, "media.ready.v1")]
    assert sorted(ready_ids) == sorted(ids)
    assert len(await keys(world.services, ana.session_id)) == len(ids)


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_while_s3_is_away_messages_come_and_their_files_later(own_world: World) -> None:
    world = own_world
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    await asyncio.to_thread(world.services.seaweedfs.kill)
    try:
        message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
        await event_about(world, "message.received.v1", ana, message_id)
        text = await world.phones.send(cleo, ana.phone.number, "and a text")
        await event_about(world, "message.received.v1", ana, text)
        assert not world.backend.of(ana.session_id, "media.failed.v1")
    finally:
        await asyncio.to_thread(world.services.seaweedfs.start)
    ready = await event_about(world, "media.ready.v1", ana, message_id, 120)
    assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == JPEG


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_while_s3_and_postgresql_are_away_the_worker_lives_and_fetches_what_is_due_afterwards(
    own_world: World,
) -> None:
    world = own_world
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    await asyncio.to_thread(world.services.seaweedfs.kill)
    try:
        message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
        await event_about(world, "message.received.v1", ana, message_id)
        await asyncio.to_thread(wait_for_line, world.worker, "media.delayed")
        await asyncio.to_thread(world.services.postgresql.kill)
        await asyncio.sleep(8)  # the next try comes due, and nobody can be asked which it is
        await asyncio.to_thread(world.services.postgresql.start)
    finally:
        await asyncio.to_thread(world.services.seaweedfs.start)
    ready = await event_about(world, "media.ready.v1", ana, message_id, 120)
    assert (await stored(world.services, ready["data"]["media"]["object"]))[0] == JPEG
    assert world.worker.child.is_alive
    assert len(world.backend.of(ana.session_id, "media.ready.v1")) == 1


@pytest.mark.timeout(240)
async def test_a_document_of_64_mb_costs_less_than_64_mb_of_memory(own_world: World) -> None:
    world = own_world
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    warm = await say(world, cleo, ana, with_file({"kind": "document"}, os.urandom(1_000)))
    await event_about(world, "media.ready.v1", ana, warm)
    root = psutil.Process(world.worker.child.pid)
    before = {each.pid: each.memory_info().rss for each in (root, *root.children(recursive=True))}
    most = dict(before)

    async def watch() -> None:
        while True:
            for each in (root, *root.children(recursive=True)):
                most[each.pid] = max(most.get(each.pid, 0), each.memory_info().rss)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    file = os.urandom(64 * 1024 * 1024)
    message_id = await say(world, cleo, ana, with_file({"kind": "document"}, file))
    ready = await event_about(world, "media.ready.v1", ana, message_id, 120)
    watching.cancel()
    assert ready["data"]["media"]["sha256"] == hashlib.sha256(file).hexdigest()
    grown = {pid: (most[pid] - before.get(pid, 0)) / 2**20 for pid in most}
    print("MiB above before:", grown)  # noqa: T201
    assert max(grown.values()) < 64, grown
