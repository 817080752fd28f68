"""A message that ends processes whenever it is handled is set aside; what comes behind it arrives."""

import asyncio
import os
import signal

import pytest

from tests.e2e.conftest import World
from tests.support.services.private_services import query

# What such a message would do to a worker is done to it by the test: the transaction that stores the message stands
# still, and meanwhile the worker is killed.
_STAND_STILL = """
    CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(60);
        RETURN NEW;
    END $$
"""
_FOR = """
    CREATE TRIGGER deadly BEFORE INSERT ON messages FOR EACH ROW
    WHEN (NEW.chat = '{}' AND NEW.kind = 'text') EXECUTE FUNCTION stand_still()
"""
_STANDING = "SELECT count({}) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


@pytest.mark.timeout(400)  # a worker starts four times
async def test_a_message_that_ends_the_worker_each_time_is_told_as_that_and_the_next_ones_arrive(
    own_world: World,
) -> None:
    world = own_world
    database = world.stage.settings["GATEWAY_DATABASE_URL"]
    ana, ben, eve = await world.paired("Ana"), await world.phones.give("Ben"), await world.phones.give("Eve")
    await query(database, _STAND_STILL)
    await query(database, _FOR.format(eve.jid))
    deadly = await world.phones.send(eve, ana.phone.jid, "deadly")
    for number in range(3):
        await until_handled(database)
        if number == 0:
            await world.phones.send(ben, ana.phone.jid, "behind it")
        os.kill(world.worker.child.pid, signal.SIGKILL)
        await world.worker.child.wait()
        await query(database, _STANDING.format("pg_terminate_backend(pid)"))
        world.worker = await world.stage.start_worker("worker-001")

    aside = await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == deadly, 60)
    content = {"kind": "unsupported", "whatsappType": "unknown", "reason": "ended_process"}
    assert aside["data"]["content"] == content
    assert aside["data"]["chat"] == eve.jid
    behind = await world.backend.event("message.received.v1", lambda e: e["data"]["content"].get("text") is not None)
    assert behind["data"]["content"]["text"] == "behind it"
    assert await query(database, "SELECT reason || ' ' || message_id FROM set_aside") == f"ended_process {deadly}"

    await world.phones.send(eve, ana.phone.jid, "as the first one, and no more than that")
    await until_handled(database)
    assert await query(database, "SELECT count(*) FROM set_aside") == 1, "the sender is not condemned"


async def until_handled(database: str) -> None:
    """Wait until the transaction stands still that stores the message."""
    async with asyncio.timeout(60):
        while await query(database, _STANDING.format("*")) == 0:  # noqa: ASYNC110 (a table of PostgreSQL's)
            await asyncio.sleep(0.05)
