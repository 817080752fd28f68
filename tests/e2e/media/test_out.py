"""Files on their way out: every kind, from every source, compared at the phone after decryption."""

import base64
import hashlib
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from tests.e2e.conftest import Member, World, a_world
from tests.support import media
from tests.support.backend import Document
from tests.support.services.private_services import PrivateServices
from tests.support.services.s3 import s3_client

OPUS = "audio/ogg; codecs=opus"


@dataclass(slots=True)
class Site:
    """A web server for files. `asked` counts."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[str] = field(default_factory=list[str])

    def put(self, name: str, content: bytes) -> str:
        self.files[name] = content
        return f"{self.url}/{name}"

    async def give(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        return web.Response(body=self.files[name], content_type="text/plain")  # a lie: nobody is to believe it


@asynccontextmanager
async def a_site() -> AsyncGenerator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/{name}", site.give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()


@dataclass(slots=True, kw_only=True)
class Studio:
    """Two sessions in a world whose worker may fetch from this machine, a site, and the bucket."""

    world: World
    ana: Member
    ben: Member
    site: Site
    services: PrivateServices

    async def source(self, name: str, kind: str, content: bytes) -> Document:
        """The file, at the source of that name."""
        match name:
            case "url":
                return {"url": self.site.put(f"{kind}-{len(content)}", content)}
            case "object":
                key = f"{self.ana.session_id}/out/{kind}-{len(content)}"
                async with s3_client(self.services) as client, client.calling() as driver:
                    await driver.put_object("whatsapp-media", key, io.BytesIO(content), len(content))
                return {"object": key}
            case _:
                return {"base64": base64.b64encode(content).decode()}

    async def send(self, content: Document, **more: Any) -> str:
        """From Ana to Ben; the command's id."""
        data = {"to": self.ben.phone.number, "content": content, **more}
        return await self.world.backend.publish("message.send.v1", self.ana.session_id, data)

    async def sent(self, content: Document, **more: Any) -> str:
        """Sent and delivered; WhatsApp's id."""
        command = await self.send(content, **more)
        accepted = await self.world.backend.reply_to(command)
        assert accepted["type"] == "command.accepted.v1", accepted
        await self.world.status(command, "delivered")
        return accepted["data"]["messageId"]

    async def failed(self, content: Document, **more: Any) -> Document:
        """The error with which it failed."""
        command = await self.send(content, **more)
        return (await self.world.status(command, "failed"))["data"]["error"]

    async def arrived(self, message_id: str) -> Document:
        """What Ben's phone decrypted."""
        for at_least in range(1, 1000):
            for message in await self.world.phones.inbox(self.ben.phone, at_least):
                if message["messageId"] == message_id:
                    return message
        raise AssertionError(message_id)

    async def file(self, message_id: str) -> bytes:
        """The file that Ben's phone has, decrypted."""
        http: aiohttp.ClientSession = self.world.phones.http
        async with http.get(f"/phones/{self.ben.phone.number}/media/{message_id}") as answer:
            assert answer.status == 200
            return await answer.read()


@pytest.fixture(scope="module")
async def studio(
    services: PrivateServices, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Studio]:
    own = {"GATEWAY_MEDIA_ALLOW_PRIVATE": "true"}
    async with a_world(services, migrated_template, tmp_path_factory.mktemp("studio"), own) as world, a_site() as site:
        ana, ben = await world.paired("Ana"), await world.paired("Ben")
        yield Studio(world=world, ana=ana, ben=ben, site=site, services=services)


FILES: dict[str, tuple[bytes, str]] = {
    "image": (media.picture("JPEG"), "image/jpeg"),
    "video": (media.film(), "video/mp4"),
    "audio": (media.encoded_sound("libmp3lame", "mp3"), "audio/mpeg"),
    "voice": (media.encoded_sound("libopus", "ogg"), OPUS),
    "document": (b"%PDF-1.7\n" + bytes(range(256)) * 40, "application/pdf"),
    "sticker": (media.animation(), "image/webp"),
}


@pytest.mark.parametrize("name", ["url", "object", "base64"])
@pytest.mark.parametrize("kind", FILES)
async def test_a_file_of_each_kind_arrives_from_each_source(studio: Studio, kind: str, name: str) -> None:
    content, mimetype = FILES[kind]
    message_id = await studio.sent({"kind": kind, "media": await studio.source(name, kind, content)})
    arrived = (await studio.arrived(message_id))["content"]
    assert (arrived["kind"], arrived["media"]["mimetype"]) == (kind, mimetype)
    assert await studio.file(message_id) == content
    assert arrived["media"]["sha256"] == hashlib.sha256(content).hexdigest()


async def test_an_image_has_its_size_a_thumbnail_and_a_caption(studio: Studio) -> None:
    source = await studio.source("base64", "image", media.turned_picture())
    arrived = await studio.arrived(await studio.sent({"kind": "image", "media": source, "caption": "Upright"}))
    shown = arrived["content"]["media"]
    assert (shown["width"], shown["height"], arrived["content"]["caption"]) == (120, 160, "Upright")
    assert 100 < shown["thumbnailSize"] <= 10 * 1024


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
async def test_pictures_that_clients_do_not_show_become_jpeg(studio: Studio, form: media.Picture) -> None:
    message_id = await studio.sent(
        {"kind": "image", "media": await studio.source("base64", "image", media.picture(form))}
    )
    with Image.open(io.BytesIO(await studio.file(message_id))) as picture:
        assert (picture.format, picture.size) == ("PNG" if form == "PNG" else "JPEG", (160, 120))
    assert (await studio.arrived(message_id))["content"]["media"]["mimetype"] == f"image/{picture.format}".lower()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
async def test_a_picture_becomes_a_sticker(studio: Studio, form: media.Picture) -> None:
    source = await studio.source("base64", "sticker", media.picture(form, 300, 200))
    message_id = await studio.sent({"kind": "sticker", "media": source})
    with Image.open(io.BytesIO(await studio.file(message_id))) as picture:
        assert (picture.format, picture.size) == ("WEBP", (512, 512))
    assert "animated" not in (await studio.arrived(message_id))["content"]


async def test_an_animated_sticker_says_so(studio: Studio) -> None:
    source = await studio.source("base64", "sticker", media.animation(4))
    arrived = await studio.arrived(await studio.sent({"kind": "sticker", "media": source}))
    assert arrived["content"]["animated"] is True


async def test_a_gif_and_an_iphones_video_arrive_as_mp4(studio: Studio) -> None:
    for content, more in (
        (media.animation(4, 32, "GIF"), {"gif": True}),
        (media.recording("mov", "libx264", "aac"), {}),
    ):
        source = await studio.source("base64", "video", content)
        message_id = await studio.sent({"kind": "video", "media": source, **more})
        shown = (await studio.arrived(message_id))["content"]
        assert (shown["media"]["mimetype"], shown.get("gif", False)) == ("video/mp4", "gif" in more)
        assert (await studio.file(message_id))[4:8] == b"ftyp"


@pytest.mark.parametrize(("flag", "file_class"), [("gif", "videoMessage"), ("note", "ptvMessage")])
async def test_a_video_is_a_gif_or_a_note(studio: Studio, flag: str, file_class: str) -> None:
    source = await studio.source("base64", "video", media.film())
    arrived = await studio.arrived(await studio.sent({"kind": "video", "media": source, flag: True}))
    assert arrived["content"][flag] is True, file_class
    assert (arrived["content"]["seconds"], arrived["content"]["media"]["thumbnailSize"] > 100) == (1, True)


@pytest.mark.parametrize("form", ["wav", "mp3", "m4a"])
async def test_other_sounds_become_voice_messages(studio: Studio, form: str) -> None:
    codecs = {"mp3": ("libmp3lame", "mp3"), "m4a": ("aac", "mp4")}
    content = media.sound(3) if form == "wav" else media.encoded_sound(*codecs[form], 3)
    message_id = await studio.sent({"kind": "voice", "media": await studio.source("base64", "voice", content)})
    arrived = (await studio.arrived(message_id))["content"]
    waveform = arrived["media"]["waveform"]
    assert (arrived["kind"], arrived["media"]["mimetype"], arrived["seconds"]) == ("voice", OPUS, 3)
    assert len(waveform) == 64
    assert max(waveform) == 100
    assert sum(waveform[:8]) < sum(waveform[-8:]), "it grows louder"
    assert (await studio.file(message_id))[28:36] == b"OpusHead"


async def test_seconds_that_are_given_stand(studio: Studio) -> None:
    source = await studio.source("base64", "audio", media.encoded_sound("libmp3lame", "mp3"))
    arrived = await studio.arrived(await studio.sent({"kind": "audio", "media": source, "seconds": 77}))
    assert arrived["content"]["seconds"] == 77


@pytest.mark.parametrize("kind", ["image", "video", "voice"])
async def test_what_is_to_be_seen_once_says_so(studio: Studio, kind: str) -> None:
    content, _ = FILES[kind]
    message_id = await studio.sent({"kind": kind, "media": await studio.source("base64", kind, content)}, viewOnce=True)
    arrived = await studio.arrived(message_id)
    assert (arrived["viewOnce"], arrived["content"]["kind"]) == (True, kind)


async def test_a_document_has_its_name_and_may_mention_and_quote(studio: Studio) -> None:
    quoted = await studio.sent({"kind": "text", "text": "See below"})
    source = await studio.source("base64", "document", b"a,b\n1,2\n")
    media_of = {**source, "fileName": "table.csv", "mimetype": "text/csv"}
    message_id = await studio.sent(
        {"kind": "document", "media": media_of, "caption": "The table"},
        quote={"messageId": quoted},
        mentions=[studio.ben.phone.number],
    )
    arrived = await studio.arrived(message_id)
    content = arrived["content"]
    assert (content["media"]["fileName"], content["media"]["mimetype"], content["caption"]) == (
        "table.csv",
        "text/csv",
        "The table",
    )
    assert arrived["quote"]["messageId"] == quoted
    assert arrived["mentions"] == [studio.ben.phone.jid]


async def test_the_same_file_is_uploaded_once_and_again_when_it_is_gone(studio: Studio) -> None:
    content = media.picture("PNG", 77, 55)

    async def send() -> str:
        return await studio.sent({"kind": "image", "media": await studio.source("base64", "image", content)})

    async def uploads() -> int:
        """An upload that takes too long is begun anew, and counts twice."""
        return (await studio.world.phones.stats())["mediaUploads"]

    first = await send()
    uploaded = await uploads()
    second = await send()
    assert await uploads() == uploaded
    assert await studio.file(first) == await studio.file(second) == content
    await studio.world.phones.fault("media_403", studio.ana.phone, count=1)
    third = await send()
    assert await uploads() > uploaded
    assert await studio.file(third) == content


async def test_a_failed_upload_is_tried_again(studio: Studio) -> None:
    await studio.world.phones.fault("media_upload", studio.ana.phone, count=2)
    content = media.picture("PNG", 78, 55)
    message_id = await studio.sent({"kind": "image", "media": await studio.source("base64", "image", content)})
    assert await studio.file(message_id) == content


async def test_a_forwarded_file_is_not_uploaded_again(studio: Studio) -> None:
    content = media.picture("PNG", 79, 55)
    original = await studio.sent({"kind": "image", "media": await studio.source("base64", "image", content)})
    before = (await studio.world.phones.stats())["mediaUploads"]
    data = {"to": studio.ben.phone.number, "messageId": original}
    command = await studio.world.backend.publish(
        "message.forward.v1", studio.ana.session_id, data, routing_key=f"session.{studio.ana.session_id}"
    )
    forwarded = (await studio.world.backend.reply_to(command))["data"]["messageId"]
    assert (await studio.arrived(forwarded))["forwarded"] is True
    assert await studio.file(forwarded) == content
    assert (await studio.world.phones.stats())["mediaUploads"] == before


async def test_what_is_viewed_once_is_not_forwarded(studio: Studio) -> None:
    source = await studio.source("base64", "image", media.picture("PNG", 81, 55))
    original = await studio.sent({"kind": "image", "media": source}, viewOnce=True)
    data = {"to": studio.ben.phone.number, "messageId": original}
    command = await studio.world.backend.publish(
        "message.forward.v1", studio.ana.session_id, data, routing_key=f"session.{studio.ana.session_id}"
    )
    failed = await studio.world.status(command, "failed")
    assert failed["data"]["error"]["code"] == "command.invalid"


async def test_the_history_tells_of_the_file_and_does_not_hold_it(studio: Studio) -> None:
    picture = media.picture("PNG", 80, 55)
    source = await studio.source("base64", "image", picture)
    message_id = await studio.sent({"kind": "image", "media": {**source, "fileName": "a.png"}, "caption": "Look"})
    described = await studio.world.backend.ask("message.describe.v1", studio.ana.session_id, {"messageId": message_id})
    history = await studio.world.backend.ask(
        "message.history.v1", studio.ana.session_id, {"chat": studio.ben.phone.number, "limit": 5}
    )
    content = next(m for m in history["data"]["result"]["messages"] if m["messageId"] == message_id)["content"]
    assert described["type"] == "command.result.v1"
    assert content == {
        "kind": "image",
        "caption": "Look",
        "media": {
            "mimetype": "image/png",
            "size": len(picture),
            "sha256": hashlib.sha256(picture).hexdigest(),
            "fileName": "a.png",
            "state": "ready",
        },
    }


BROKEN: dict[str, tuple[str, Callable[[], bytes], str, str]] = {
    "image-pdf": ("image", lambda: b"%PDF-1.7\n" + bytes(100), "media.unsupported", "type"),
    "image-cut": ("image", lambda: media.picture("JPEG", 800, 600)[:2000], "media.unsupported", "unreadable"),
    "video-lossless": ("video", lambda: media.film(form="matroska", codec="ffv1"), "media.unsupported", "codec"),
    "sticker-film": ("sticker", media.film, "media.unsupported", "type"),
    "voice-film": ("voice", media.film, "media.unsupported", "streams"),
    "inline-large": ("document", lambda: b"%PDF-" + bytes(1024 * 1024), "media.too_large", "bytes"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_cannot_be_sent_fails_with_its_code(studio: Studio, name: str) -> None:
    kind, make, code, reason = BROKEN[name]
    error = await studio.failed({"kind": kind, "media": await studio.source("base64", kind, make())})
    assert (error["code"], error["detail"]["reason"]) == (code, reason)


async def test_an_object_that_is_missing_or_of_another_session(studio: Studio) -> None:
    error = await studio.failed({"kind": "document", "media": {"object": f"{studio.ana.session_id}/none"}})
    assert (error["code"], error["detail"]["reason"]) == ("media.unreachable", "missing")
    foreign = {"kind": "document", "media": {"object": f"{studio.ben.session_id}/a"}}
    data = {"to": studio.ben.phone.number, "content": foreign}
    rejected = await studio.world.backend.ask("message.send.v1", studio.ana.session_id, data)
    assert (rejected["data"]["code"], rejected["data"]["detail"]["path"]) == (
        "command.invalid",
        "data.content.media.object",
    )


async def test_a_worker_fetches_nothing_from_its_own_machine_unless_told_so(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.paired("Ben")
    for url in (
        "http://127.0.0.1:1/a",
        "https://127.0.0.1:1/a",
        "https://2130706433/a",
        "https://[::ffff:127.0.0.1]/a",
    ):
        data = {"to": ben.phone.number, "content": {"kind": "document", "media": {"url": url}}}
        command = await world.backend.publish("message.send.v1", ana.session_id, data)
        failed = await world.status(command, "failed")
        assert failed["data"]["error"]["code"] == "media.forbidden_address"


@pytest.mark.parametrize("kind", ["image", "video", "document"])
async def test_a_caption_is_edited_and_its_file_stays(studio: Studio, kind: str) -> None:
    ana, ben, backend = studio.ana, studio.ben, studio.world.backend
    source = await studio.source("base64", kind, FILES[kind][0])
    original = await studio.sent({"kind": kind, "media": source, "caption": "Helo"})
    data = {"to": ben.phone.number, "messageId": original, "content": {"kind": "text", "text": "Hello"}}
    await studio.world.status(await backend.publish("message.edit.v1", ana.session_id, data), "delivered")
    await backend.event(
        "message.edited.v1",
        lambda e: (
            e["subject"] == ben.session_id
            and (e["data"]["messageId"], e["data"]["content"]["caption"]) == (original, "Hello")
        ),
    )
    arrived = (await studio.arrived(original))["content"]
    assert (arrived["kind"], arrived["caption"]) == (kind, "Hello")
    assert await studio.file(original) == FILES[kind][0]
    for member in (ana, ben):
        described = await backend.ask("message.describe.v1", member.session_id, {"messageId": original})
        shown = described["data"]["result"]["content"]
        assert (shown["kind"], shown["caption"], shown["media"]["size"]) == (kind, "Hello", len(FILES[kind][0]))


async def test_a_caption_takes_no_link_preview_and_what_is_viewed_once_no_edit(studio: Studio) -> None:
    image = {"kind": "image", "media": await studio.source("base64", "image", FILES["image"][0]), "caption": "Helo"}
    preview = {"url": "https://example.com", "title": "An offer"}
    original = await studio.sent(image)
    said = {"kind": "text", "text": "Hello"}
    data = {"to": studio.ben.phone.number, "messageId": original, "content": said}
    shown = {**data, "content": {**said, "linkPreview": preview}}
    refused = (await studio.world.backend.ask("message.edit.v1", studio.ana.session_id, shown))["data"]
    assert (refused["code"], refused["detail"]["path"]) == ("command.invalid", "data.content.linkPreview")
    once = {**data, "messageId": await studio.sent(image, viewOnce=True)}
    command = await studio.world.backend.publish("message.edit.v1", studio.ana.session_id, once)
    assert (await studio.world.status(command, "failed"))["data"]["error"]["code"] == "command.invalid"
