"""What is asked about stored messages: a chat's history, page by page, and how many there were."""

import asyncio
from typing import Any

import pytest

from schemas.errors import SessionNotFound
from schemas.results import MessagePage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, BERT, World, command, text, world

CARLA = "+15550003333"


async def page(w: World, **data: Any) -> MessagePage:
    return await w.manager.queries.list_messages(command("message.history.v1", ANNA, {"chat": BERT, **data}))


@virtual
async def test_a_chat_is_told_newest_first_and_page_by_page() -> None:
    async with world() as w:
        await w.connected()
        sent: list[str] = []
        for number in range(5):
            sent.append(await w.send(text(str(number))))
            await asyncio.sleep(1)
        await w.send(text("to somebody else", to=CARLA))
        found, cursor = list[str](), dict[str, str]()
        while True:
            answer = await page(w, limit=2, **cursor)
            found += [message.message_id for message in answer.messages]
            if answer.cursor is None:
                break
            cursor = {"cursor": answer.cursor}
        assert found == sent[::-1]


@virtual
async def test_what_happened_to_messages_is_no_message_of_its_own() -> None:
    async with world() as w:
        await w.connected()
        original = await w.send(text())
        await w.send(command("message.react.v1", ANNA, {"to": BERT, "messageId": original, "emoji": "👍"}))
        answer = await page(w)
        assert [(each.message_id, each.kind, each.from_me) for each in answer.messages] == [(original, "text", True)]


@virtual
async def test_messages_are_counted_by_direction_kind_and_status() -> None:
    async with world() as w:
        await w.connected()
        for _ in range(3):
            await w.send(text())
        await asyncio.sleep(1)
        stats = await w.manager.queries.count_messages(command("message.stats.v1", ANNA, {}))
        assert [(each.direction, each.kind, each.status, each.count) for each in stats.counts] == [
            ("outgoing", "text", "sent", 3)
        ]
        earlier = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
        assert not (await w.manager.queries.count_messages(command("message.stats.v1", ANNA, earlier))).counts


@virtual
async def test_a_session_that_is_not_there_has_no_history() -> None:
    async with world() as w:
        with pytest.raises(SessionNotFound):
            await page(w)
        with pytest.raises(SessionNotFound):
            await w.manager.queries.count_messages(command("message.stats.v1", ANNA, {}))
