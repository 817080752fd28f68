"""Files of outgoing messages: uploaded before their turn, in the order of their chat, and not twice."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway_worker.media.preparing import BucketAway
from gateway_worker.store.records import Json
from gateway_worker.whatsapp.errors import NotConnected, UploadFailed
from gateway_worker.whatsapp.facts import Cause
from gateway_worker.whatsapp.files import FileMessage, FileReference, Repetition
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from schemas.commands.commands import Command, SendMessage
from schemas.errors import CommandInvalid, MediaUnsupported
from schemas.names import MessageId
from tests.support.connections.fake_engine import FakeConnection, uploaded
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, BERT, World, command, text, world

URL = "https://example.com/a.jpg"


def picture(url: str = URL, to: str = BERT, **more: Any) -> Command[SendMessage]:
    content = {"kind": "image", "media": {"url": url}, "caption": "Look"}
    return command("message.send.v1", ANNA, {"to": to, "content": content}, **more)


def in_seconds(seconds: float) -> str:
    return (VirtualClock().now() + timedelta(seconds=seconds)).isoformat()


def sent_files(w: World) -> list[FileMessage]:
    return [each.content for each in w.engine.sent if isinstance(each.content, FileMessage)]


def stored(w: World, message_id: MessageId) -> Json:
    media: Any = w.storage.messages.rows[message_id].content["media"]
    return media


@virtual
async def test_the_stanza_carries_a_reference_and_the_row_tells_of_the_file() -> None:
    async with world() as w:
        await w.connected()
        given = picture()
        message_id = await w.send(given)
        (file,) = sent_files(w)
        assert (file.reference, file.width, file.content.caption) == (uploaded(1), 2, "Look")  # pyright: ignore[reportAttributeAccessIssue] (it is an image)
        assert w.storage.statuses(given.id) == ["sent"]
        assert stored(w, message_id) == {"mimetype": "image/jpeg", "size": 3, "sha256": URL[:64], "state": "ready"}


@virtual
async def test_the_same_file_is_uploaded_once_and_again_when_it_is_gone() -> None:
    async with world() as w:
        await w.connected()
        await w.send(picture())
        await w.send(picture())
        assert len(w.engine.uploads) == 1
        w.engine.gone.add(uploaded(1).direct_path)
        await w.send(picture())
        assert [each.reference for each in sent_files(w)] == [uploaded(1), uploaded(1), uploaded(2)]
        assert w.observer.files == ["uploaded", "reused", "uploaded"]


@virtual
async def test_a_slow_upload_holds_up_its_own_chat_and_no_other() -> None:
    async with world() as w:
        await w.connected()
        done = asyncio.Event()

        async def slowly(_: FakeConnection) -> FileReference:
            await done.wait()
            return uploaded(9)

        w.engine.upload_answers = [slowly]
        first = w.start_sending(picture())
        await w.until(lambda: bool(w.engine.uploads))
        second = w.start_sending(text("after it"))
        await w.send(text("elsewhere", to="+15550003333"))
        assert [each.to[:11] for each in w.engine.sent] == ["15550003333"]
        done.set()
        await asyncio.gather(first, second)
        assert [type(each.content).__name__ for each in w.engine.sent] == [
            "OutgoingText",
            "FileMessage",
            "OutgoingText",
        ]


@virtual
async def test_an_upload_that_the_connection_took_with_it_is_made_on_the_next() -> None:
    async with world() as w:
        await w.connected()

        async def dies(connection: FakeConnection) -> FileReference:
            await connection.end(Cause.LOST)
            raise NotConnected

        w.engine.upload_answers = [dies] * 6
        given = picture()
        await w.send(given)
        assert w.storage.statuses(given.id) == ["sent"]
        assert len(w.engine.uploads) == 7
        assert len(w.files.prepared) == 1, "the file was prepared once"


async def _refuses(_: FakeConnection) -> FileReference:
    raise UploadFailed


@virtual
async def test_an_upload_that_fails_is_tried_a_few_times() -> None:
    async with world() as w:
        await w.connected()
        w.engine.upload_answers = [_refuses] * 3
        first, second = picture(), picture("https://example.com/b.jpg")
        await w.send(first)
        assert w.storage.statuses(first.id) == ["sent"]
        w.engine.upload_answers = [_refuses] * 4
        message_id = await w.send(second)
        error: Any = w.storage.messages.rows[message_id].error
        assert (error["code"], error["detail"]) == ("media.unreachable", {"reason": "upload"})
        assert stored(w, message_id)["state"] == "failed"
        assert len(sent_files(w)) == 1


@virtual
async def test_what_cannot_be_prepared_fails_and_lets_the_next_pass() -> None:
    async with world() as w:
        await w.connected()

        async def refuse() -> None:
            raise MediaUnsupported(detail={"reason": "type"})

        w.files.answers = [refuse]
        given = picture()
        failing, following = w.start_sending(given), w.start_sending(text("next"))
        await asyncio.gather(failing, following)
        assert w.storage.statuses(given.id) == ["failed"]
        assert len(w.engine.sent) == 1


@virtual
async def test_a_bucket_that_is_away_holds_back_the_message_and_its_chat_and_no_other() -> None:
    async with world() as w:
        await w.connected()
        tries: list[float] = []

        async def away() -> None:
            tries.append(VirtualClock().monotonic())
            raise BucketAway

        w.files.answers = [away] * 8
        given = picture()
        held, behind = w.start_sending(given), w.start_sending(text("behind it"))
        for number in range(5):
            await w.send(text("elsewhere", to=f"+1555000333{number}"))
            await asyncio.sleep(10)
        assert w.storage.statuses(given.id) == []
        assert [round(later - earlier) for earlier, later in pairwise(tries)] == [1, 2, 4, 8, 15, 15]
        await asyncio.gather(held, behind)
        assert w.storage.statuses(given.id) == ["sent"]
        sent = [type(each.content).__name__ for each in w.engine.sent]
        assert sent == [*["OutgoingText"] * 5, "FileMessage", "OutgoingText"]
        assert w.observer.files == [*["held"] * 8, "uploaded"]


@virtual
async def test_a_file_that_takes_longer_than_its_command_lives_expires() -> None:
    async with world() as w:
        await w.connected()

        async def never() -> None:
            await asyncio.Event().wait()

        w.files.answers = [never]
        given = picture(expiresat=in_seconds(30))
        message_id = await w.send(given)
        assert (w.storage.messages.rows[message_id].error or {})["code"] == "command.expired"
        assert w.engine.uploads == []


@virtual
async def test_what_may_have_left_goes_again_as_it_was_without_a_new_upload() -> None:
    storage, given = FakeStorage(), picture()

    async def unanswered(_: OutgoingMessage) -> Acknowledged:
        await asyncio.Event().wait()
        raise AssertionError

    async with world(storage=storage) as w:
        await w.connected()
        w.engine.answers = [unanswered]
        sending = w.start_sending(given)
        await w.until(lambda: bool(w.engine.sent))
        sending.cancel()
        await asyncio.wait([sending])
    async with world(storage=storage) as w:
        await w.connected()
        await w.send(given)
        assert [each.content for each in w.engine.sent] == [Repetition(plaintext=b"plain")]
        assert (w.engine.uploads, w.files.prepared) == ([], [])


@virtual
async def test_what_was_uploaded_and_never_sent_is_not_uploaded_again_in_the_next_life() -> None:
    storage, given = FakeStorage(), picture()
    async with world(storage=storage) as w:
        await w.connected()
        await w.send(picture())
    async with world(storage=storage) as w:
        await w.connected()
        await w.send(given)
        assert ([each.reference for each in sent_files(w)], w.engine.uploads) == ([uploaded(1)], [])


@virtual
async def test_another_sessions_object_is_refused_before_it_is_accepted() -> None:
    async with world() as w:
        await w.connected()
        for key in ("anna2/a", "bert/a", "anna"):
            content = {"kind": "document", "media": {"object": key}}
            with pytest.raises(CommandInvalid) as caught:
                await w.send(command("message.send.v1", ANNA, {"to": BERT, "content": content}))
            assert (caught.value.detail or {})["path"] == "data.content.media.object"
        for key in (f"{ANNA}/a", "uploads/a"):
            content = {"kind": "document", "media": {"object": key}}
            await w.send(command("message.send.v1", ANNA, {"to": BERT, "content": content}))
        assert len(sent_files(w)) == 2
