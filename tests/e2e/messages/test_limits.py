"""What spares accounts, over real workers: a user's limits, a new account's, a brake behind a proxy."""

from datetime import datetime

import pytest
import redis.asyncio as redis

from tests.e2e.conftest import Member, World
from tests.support.network.proxies import a_proxy
from tests.support.whatsapp.phones import Phone

ONE_SLOT = {"GATEWAY_MAX_SESSIONS": "1", "GATEWAY_BRIDGES": "1"}
BRAKE_SECONDS = 4


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


async def test_a_new_account_may_send_little_and_its_backend_is_told_why(world: World) -> None:
    member = await world.paired("Nina", limits={"warmUp": {"firstDay": 2, "days": 3}})
    guest = await world.phones.give("Gus")
    assert [await outcome(world, member, guest) for _ in range(3)] == ["sent", "sent", "warmUp"]
    told = await world.backend.event("session.throttled.v1", lambda e: e["subject"] == member.session_id)
    assert told["data"]["cause"] == "warm_up"


@pytest.mark.timeout(240)
async def test_a_refusal_of_whatsapps_holds_up_whoever_sends_through_the_same_proxy(behind_tls: World) -> None:
    world = behind_tls
    world.stage.settings["GATEWAY_PROXY_BRAKE_SECONDS"] = str(BRAKE_SECONDS)
    await world.worker.stop()
    for name in ("one-1", "one-2", "one-3"):
        await world.stage.start_worker(name, ONE_SLOT)
    guest = await world.phones.give("Gus")
    async with a_proxy() as proxy:
        through = {"proxy": f"http://127.0.0.1:{proxy.port}"}
        ana, ben = await world.paired("Ana", options=through), await world.paired("Ben", options=through)
        free = await world.paired("Fred")
        assert len({await owner(world, each) for each in (ana, ben, free)}) == 3
        await world.phones.fault("nack", ana.phone, code=463)
        refused = await world.status(await world.send(ana, guest, "too much"), "failed")
        assert refused["data"]["error"]["detail"]["whatsappCode"] == "463"

        held = await world.send(ben, guest, "behind the same proxy")
        told = await world.backend.event("session.throttled.v1", lambda e: e["subject"] == ben.session_id)
        assert (told["data"]["cause"], told["data"]["whatsappCode"]) == ("proxy_brake", "463")
        await world.status(await world.send(free, guest, "without one"), "sent")
        sent = await world.status(held, "sent")
        until = datetime.fromisoformat(told["data"]["until"]).replace(microsecond=0)  # WhatsApp counts whole seconds
        assert datetime.fromisoformat(sent["data"]["timestamp"]) >= until
