import asyncio
from typing import Any, cast

import aio_pika
import asyncpg
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from redis.asyncio import Redis

from tests.e2e.conftest import World


async def test_delete_leaves_nothing_behind(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.status(await world.send(ana, ben, "the last one"), "delivered")

    reply = await world.backend.ask("session.delete.v1", ana.session_id, {"purge": True})
    deleted = await world.backend.state(ana.session_id, "deleted")
    gone = await world.backend.ask("session.describe.v1", ana.session_id)
    listed = await world.backend.ask("session.list.v1", "", {"limit": 500})
    unknown = await world.backend.ask(
        "message.send.v1", ana.session_id, {"to": ben.number, "content": {"kind": "text", "text": "?"}}
    )

    assert reply["type"] == "command.accepted.v1"
    assert gone["data"]["code"] == "session.not_found"
    assert unknown["data"]["code"] == "session.not_found"
    assert ana.session_id not in {each["sessionId"] for each in listed["data"]["result"]["sessions"]}
    await _until_gone(world, ana.session_id)
    await _assert_no_queue(world, ana.session_id)
    await _assert_no_rows(world, ana.session_id)
    await _until_no_redis_keys(world, ana.session_id)

    before = len(world.backend.events)
    await world.create(ana.session_id)
    again = await world.backend.state(ana.session_id, "connecting", after=before)
    assert int(again["sequence"]) == int(deleted["sequence"]) + 1
    assert again["epoch"] > deleted["epoch"]


async def test_five_hundred_commands_of_a_session_that_goes_are_all_told_their_end(world: World) -> None:
    ana, ben, backend = await world.paired("Ana"), await world.phones.give("Ben"), world.backend
    await world.phones.fault("mute", ana.phone)  # WhatsApp acknowledges nothing: they pile up

    commands = [await world.send(ana, ben, f"{number}") for number in range(400)]
    deleted = await backend.publish("session.delete.v1", ana.session_id, {})
    commands += [await world.send(ana, ben, f"{number}") for number in range(400, 500)]
    await backend.state(ana.session_id, "deleted", patience=60)

    assert (await backend.reply_to(deleted))["type"] == "command.accepted.v1"
    replies = [await backend.reply_to(command, patience=60) for command in commands]
    rejected = [reply for reply in replies if reply["type"] == "command.rejected.v1"]
    assert {reply["data"]["code"] for reply in rejected} == {"session.not_found"}
    for reply in replies:
        if reply["type"] == "command.accepted.v1":
            await backend.until(lambda seen=reply["data"]["commandId"]: bool(backend.statuses(seen)), "a status")
    given = [mark for mark, _ in backend.answers if mark in set(commands)]
    assert len(given) == len(commands), "one reply each"
    await _until_gone(world, ana.session_id)
    await _assert_no_queue(world, ana.session_id)


async def _until_gone(world: World, session_id: str) -> None:
    """The tombstone comes last."""
    connection = cast("Any", await asyncpg.connect(world.stage.settings["GATEWAY_DATABASE_URL"]))
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval("select deleted_at from sessions where id = $1", session_id) is None:  # noqa: ASYNC110 (a row tells nobody)
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _assert_no_queue(world: World, session_id: str) -> None:
    connection = await aio_pika.connect(world.services.amqp_url)
    async with connection:
        channel = await connection.channel()
        with pytest.raises(ChannelNotFoundEntity):
            await channel.get_queue(f"{world.backend.namespace}.session.{session_id}")


async def _assert_no_rows(world: World, session_id: str) -> None:
    """Only the tombstone in `sessions` and the record of processed commands know the session any more."""
    connection = cast("Any", await asyncpg.connect(world.stage.settings["GATEWAY_DATABASE_URL"]))
    try:
        tables = await connection.fetch(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = 'public' and (column_name = 'session_id' "
            "or (table_name, column_name) = ('sessions', 'id'))"
        )
        left: dict[str, int] = {
            row["table_name"]: await connection.fetchval(
                f'select count(*) from "{row["table_name"]}" where "{row["column_name"]}" = $1', session_id
            )
            for row in tables
        }
    finally:
        await connection.close()
    assert "sessions" in left
    assert {table for table, count in left.items() if count} <= {"sessions", "processed_commands"}


async def _until_no_redis_keys(world: World, session_id: str) -> None:
    """A route that was being renewed in that moment goes by itself, within seconds."""
    prefix = world.backend.namespace
    keys = f"{prefix}:session:{session_id}:worker", f"{prefix}:qr:{session_id}"
    async with Redis.from_url(world.stage.settings["GATEWAY_REDIS_URL"]) as redis, asyncio.timeout(120):
        while await redis.exists(*keys):  # noqa: ASYNC110 (Redis tells nobody)
            await asyncio.sleep(0.1)
