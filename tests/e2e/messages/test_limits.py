"""What spares accounts, over real workers: a user's limits."""

import pytest
import redis.asyncio as redis

from tests.e2e.conftest import Member, World
from tests.support.whatsapp.phones import Phone

ONE_SLOT = {"GATEWAY_MAX_SESSIONS": "1", "GATEWAY_BRIDGES": "1"}


async def apart(world: World) -> None:
    """Two workers with one place each: the next two sessions live at different ones."""
    await world.worker.stop()
    for name in ("small-1", "small-2"):
        await world.stage.start_worker(name, ONE_SLOT)


async def owner(world: World, member: Member) -> str:
    answer = await world.backend.ask("session.describe.v1", member.session_id)
    return answer["data"]["result"]["owner"]


async def outcome(world: World, member: Member, to: Phone) -> str:
    """Sent, or the limit that is in its way."""
    data = {"to": to.number, "content": {"kind": "text", "text": "Hello"}}
    command = await world.backend.publish("message.send.v1", member.session_id, data)
    reply = (await world.backend.reply_to(command))["data"]
    if reply.get("code") is None:
        await world.status(command, "sent")
        return "sent"
    assert (reply["code"], reply["detail"]["retryAfter"] > 0) == ("rate.limited", True)
    return reply["detail"]["limit"]


@pytest.mark.timeout(240)
async def test_a_users_day_is_counted_over_all_workers(own_world: World) -> None:
    world = own_world
    await apart(world)
    limits = {"messagesPerDay": 3}
    members = [await world.paired(name, userId="shop", userLimits=limits) for name in ("Ana", "Ben")]
    assert len({await owner(world, each) for each in members}) == 2
    guest = await world.phones.give("Gus")
    outcomes = [await outcome(world, member, guest) for member in (*members, *members)]
    assert outcomes == ["sent", "sent", "sent", "userMessagesPerDay"]
    async with redis.from_url(world.stage.settings["GATEWAY_REDIS_URL"]) as cache:
        shown = await cache.hgetall(f"{world.backend.namespace}:user:shop:rate_limit")
    assert shown[b"messagesPerDay"] == b"3"
    assert 1 <= int(shown[b"thisDay"]) <= 3, "each worker writes it once a second"
