"""The file of an incoming message: fetched once, later when something is away, and failed when it never can be."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway_worker.connections.media.session import MAX_CRASHES
from gateway_worker.store.records import MediaState
from gateway_worker.whatsapp.downloads import FileGone, HostAway
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, Sender
from gateway_worker.whatsapp.port import Changes
from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile
from schemas.content.content import Image, Media, Text
from schemas.content.content import MediaState as Shown
from schemas.errors import CommandInvalid, MessageNotFound, SessionNotConnected
from schemas.names import MessageId
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, BERT, World, command, world

BERTS_JID = f"{BERT[1:]}@s.whatsapp.net"
PHOTO = MessageId("3EB0PHOTO")
DAY = 24 * 3600
FILE = RemoteFile(
    key_class=KeyClass.IMAGE,
    url=None,
    direct_path="/v/photo",
    media_key=bytes(32),
    sha256=None,
    encrypted_sha256=None,
    size=None,
)


async def photo(w: World, message_id: str = PHOTO, chat: str = BERTS_JID) -> None:
    """BERT sends one."""
    message = ReceivedMessage(
        message_id=message_id,
        chat=chat,
        sender=Sender(jid=BERTS_JID, phone=BERT),
        from_me=False,
        is_group=False,
        timestamp=int(VirtualClock().now().timestamp()),
        content=Image(media=Media(mimetype="image/jpeg", state=Shown.PENDING)),
        file=FILE,
    )
    key = EntryKey(chat=chat, sender=f"{BERTS_JID}:1", message_id=message_id, index=0)
    await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"plain", message=message)]))


async def settled(w: World, *, seconds: float = 60) -> str:
    """What is told of it in the end."""
    await w.until(lambda: bool(published(w)), seconds=seconds)
    (kind,) = [kind for kind, _ in published(w)]
    return kind


def published(w: World) -> list[tuple[str, Any]]:
    return [each for each in w.storage.events if each[0].startswith("media.")]


def error(w: World) -> Any:
    return published(w)[-1][1]["error"]


def grow_older(w: World, seconds: float) -> None:
    row = w.storage.media.rows[PHOTO]
    w.storage.media.rows[PHOTO] = replace(row, created_at=row.created_at - timedelta(seconds=seconds))


def pauses(w: World) -> list[float]:
    return [later - earlier for earlier, later in pairwise(w.media_host.asked)]


async def fetch(w: World, message_id: str = PHOTO) -> None:
    await w.manager.of(ANNA).fetch_media(command("media.fetch.v1", ANNA, {"messageId": message_id}))


@virtual
async def test_a_file_is_in_the_bucket_before_it_is_told_and_told_once() -> None:
    async with world() as w:
        await w.connected()
        await photo(w)
        assert await settled(w) == "media.ready.v1"
        ((_, event),) = published(w)
        assert w.media_bucket.objects == {event["media"]["object"]: w.media_host.content}
        assert (event["media"]["size"], event["media"]["mimetype"]) == (len(w.media_host.content), "image/jpeg")
        assert w.observer.files == ["fetched"]


@virtual
async def test_a_host_that_is_away_is_asked_ever_more_seldom_and_at_last_no_more() -> None:
    async with world() as w:
        await w.connected()
        w.media_host.trouble = HostAway("503")
        await photo(w)
        await w.until(lambda: len(w.media_host.asked) == 12, seconds=3600)
        grow_older(w, 7 * DAY)
        assert await settled(w, seconds=800) == "media.failed.v1"
        assert (error(w)["code"], error(w)["detail"]) == ("media.unreachable", {"reason": "host"})
        assert 1 < pauses(w)[0] < 3
        assert all(600 * 0.75 <= each <= 600 * 1.25 + 1 for each in pauses(w)[10:])
        assert set(w.observer.files) == {"host_away", "media.unreachable"}


@virtual
async def test_a_bucket_that_is_away_only_delays() -> None:
    async with world() as w:
        await w.connected()
        w.media_bucket.trouble = ConnectionError("refused")
        await photo(w)
        await w.until(lambda: len(w.media_host.asked) == 5)
        grow_older(w, 100 * DAY)
        await w.until(lambda: len(w.media_host.asked) == 8, seconds=1000)
        assert published(w) == []
        w.media_bucket.trouble = None
        assert await settled(w, seconds=1000) == "media.ready.v1"


@virtual
async def test_a_database_that_is_away_when_the_file_is_there_only_delays() -> None:
    async with world() as w:
        await w.connected()
        w.media_host.gate = asyncio.Event()
        await photo(w)
        await w.until(lambda: bool(w.media_host.asked))
        w.storage.away = True
        w.media_host.gate.set()
        await asyncio.sleep(10)
        assert w.media_bucket.objects
        assert published(w) == []
        w.storage.away = False
        assert await settled(w) == "media.ready.v1"
        assert len(w.media_host.asked) == 1


@virtual
async def test_a_fault_of_ours_is_tried_again_ever_more_seldom_and_has_an_end() -> None:
    async with world() as w:
        await w.connected()
        w.media_host.trouble = ValueError("nobody thought of that")
        await photo(w)
        assert await settled(w, seconds=3600) == "media.failed.v1"
        assert (error(w)["code"], "detail" in error(w)) == ("internal", False)
        assert len(w.media_host.asked) == MAX_CRASHES
        assert 600 < sum(pauses(w)) < 1500
        assert all(later > earlier for earlier, later in pairwise(pauses(w)))
        assert w.observer.files == ["crashed"] * (MAX_CRASHES - 1) + ["internal"]

        w.media_host.trouble = None
        await fetch(w)
        await w.until(lambda: published(w)[-1][0] == "media.ready.v1")


@virtual
async def test_faults_of_ours_count_only_in_a_row() -> None:
    async with world() as w:
        await w.connected()
        w.media_host.trouble = ValueError("nobody thought of that")
        await photo(w)
        await w.until(lambda: len(w.media_host.asked) == MAX_CRASHES - 1, seconds=3600)
        w.media_host.trouble = HostAway("503")
        await w.until(lambda: len(w.media_host.asked) == MAX_CRASHES + 1, seconds=3600)
        w.media_host.trouble = ValueError("nobody thought of that")
        await w.until(lambda: len(w.media_host.asked) == MAX_CRASHES + 3, seconds=3600)
        assert published(w) == []


@virtual
async def test_a_file_that_only_the_phone_could_have_and_has_not_fails() -> None:
    async with world() as w:
        await w.connected()
        w.media_host.trouble = FileGone("404")
        await photo(w)
        assert await settled(w) == "media.failed.v1"
        assert (error(w)["code"], error(w)["detail"]) == ("media.unreachable", {"reason": "not_on_phone"})
        assert w.storage.media.rows[PHOTO].state is MediaState.FAILED


@virtual
async def test_fetching_what_is_there_tells_of_it_again_and_what_is_unknown_or_no_file_is_refused() -> None:
    async with world() as w:
        await w.connected()
        await photo(w)
        await settled(w)
        await fetch(w)
        assert [kind for kind, _ in published(w)] == ["media.ready.v1"] * 2
        assert len(w.media_host.asked) == 1
        with pytest.raises(MessageNotFound):
            await fetch(w, "3EB0NONE")
        message = ReceivedMessage(
            message_id="3EB0TEXT",
            chat=BERTS_JID,
            sender=Sender(jid=BERTS_JID, phone=BERT),
            from_me=False,
            is_group=False,
            timestamp=int(VirtualClock().now().timestamp()),
            content=Text(text="Hi"),
        )
        key = EntryKey(chat=BERTS_JID, sender=f"{BERTS_JID}:1", message_id="3EB0TEXT", index=0)
        await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"plain", message=message)]))
        with pytest.raises(CommandInvalid):
            await fetch(w, "3EB0TEXT")


@pytest.mark.parametrize("chat", [BERTS_JID, "867051314767696@bot"])
@virtual
async def test_a_row_that_is_gone_is_made_anew_from_the_message_and_needs_a_connection_for_it(chat: str) -> None:
    async with world() as w:
        await w.connected()
        await photo(w, chat=chat)
        await settled(w)
        del w.storage.media.rows[PHOTO]
        w.storage.messages.plaintexts[PHOTO] = b"plain"
        w.engine.files[b"plain"] = (FILE, Media(mimetype="image/jpeg", state=Shown.PENDING))
        await fetch(w)
        await w.until(lambda: len(published(w)) == 2)

        del w.storage.media.rows[PHOTO]
        w.engine.last.over = True
        with pytest.raises(SessionNotConnected):
            await fetch(w)
