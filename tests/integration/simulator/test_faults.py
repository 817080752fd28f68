"""What each fault does to the unmodified Baileys."""

import asyncio

import pytest

from tests.integration.simulator.companion import Companion, baileys
from tests.integration.simulator.conftest import World


async def _reconnected(companion: Companion, code: int) -> None:
    """The connection ends with this code; then the companion is told to connect, and is back."""
    await companion.event("close", lambda event: event["code"] == code)
    mark = len(companion.events)
    await companion.call("connect")
    await companion.event("open", skip=mark)


async def test_drop_cuts_the_connection_without_a_word(world: World) -> None:
    ann = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="drop", phone=f"+{ann}")
        await _reconnected(companion, 428)
        assert await world.get("/faults") == []


@pytest.mark.parametrize(("code", "seen"), [(503, 503), (515, 515), (440, 440), (401, 401)])
async def test_a_stream_error_is_the_one_whatsapp_sends_for_its_code(world: World, code: int, seen: int) -> None:
    ann = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        mark = len(companion.events)
        await world.post("/faults", kind="stream_error", phone=ann, code=code)
        await companion.event("close", lambda event: event["code"] == seen, skip=mark)


async def test_a_stream_error_waits_for_the_next_login_of_who_is_not_connected(world: World) -> None:
    ann = await world.person()
    async with baileys(world.simulator) as companion:
        await world.post("/faults", kind="stream_error", phone=ann, code=503)
        qr = await companion.event("qr")
        await world.post(f"/phones/{ann}/scan", qr=qr["qr"])
        await companion.event("close", lambda event: event["code"] == 503)


async def test_nack_refuses_the_message_with_the_code_and_delivers_nothing(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="nack", phone=f"+{ann}", code=463)
        refused = await companion.send(f"{bob}@s.whatsapp.net", "not wanted")
        assert (await companion.ack(refused))["error"] == "463"
        accepted = await companion.send(f"{bob}@s.whatsapp.net", "wanted")
        assert "error" not in await companion.ack(accepted)
        assert [entry["messageId"] for entry in await world.inbox(bob)] == [accepted]
    assert await world.stat("nacks") == 1


async def test_delay_holds_the_ack_back_until_it_is_cleared(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="delay", phone=ann, after=1.5)
        clock = asyncio.get_running_loop()
        started = clock.time()
        message_id = await companion.send(f"{bob}@s.whatsapp.net", "patience")
        await companion.ack(message_id)
        assert clock.time() - started >= 1.5
        found = [e["tag"] for e in companion.events if e["event"] == "stanza" and e["attrs"].get("id") == message_id]
        assert found.index("receipt") < found.index("ack")  # it was delivered long before
        assert (await world.post("/faults", kind="delay", phone=ann, count=0))["remaining"] == 0
        assert await world.get("/faults") == []


async def test_mute_delivers_but_never_acknowledges(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        fault = await world.post("/faults", kind="mute", phone=ann)
        muted = await companion.send(f"{bob}@s.whatsapp.net", "hello?")
        await world.inbox(bob)
        assert (await world.delete(f"/faults/{fault['id']}"))["removed"] == 1
        again = await companion.call(
            "send", to=f"{bob}@s.whatsapp.net", content={"text": "hello?"}, options={"messageId": muted}
        )
        assert again["id"] == muted
        await companion.ack(muted)
        await world.simulator.wait_until(lambda: _copies(world, bob, muted) == 2, 5)
        (entry,) = await world.inbox(bob)
        assert entry["copies"] == 2
    assert await world.stat("acks") == 1


def _copies(world: World, phone: str, message_id: str) -> int:
    return world.simulator.core.world.accounts[phone].primary.messages[message_id].copies


async def test_redeliver_repeats_the_last_message_as_the_server_does_after_a_reconnect(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        message_id = await world.text(bob, ann, "once")
        await companion.received(message_id)
        mark = len(companion.events)
        await world.post("/faults", kind="redeliver", phone=ann)
        stanza = await companion.event("stanza", lambda event: event["tag"] == "message", skip=mark)
        assert (stanza["attrs"]["id"], stanza["attrs"]["offline"]) == (message_id, "0")
        assert await world.get("/faults") == []


async def test_redeliver_with_nothing_to_repeat_strikes_the_next_message(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="redeliver", phone=ann)
        message_id = await world.text(bob, ann, "twice")
        await companion.event(
            "stanza", lambda event: event["attrs"].get("id") == message_id and "offline" in event["attrs"]
        )


@pytest.mark.parametrize("code", [401, 403, 405, 503])
async def test_reject_login_answers_the_login_with_the_code(world: World, code: int) -> None:
    ann = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post("/faults", kind="reject_login", phone=ann, code=code)
        await companion.call("end")
        mark = len(companion.events)
        await companion.call("connect")
        close = await companion.event("close", skip=mark)
        assert (close["code"], close["message"]) == (code, "Connection Failure")
        await companion.call("connect")
        await companion.event("open", skip=mark)


async def test_reject_login_for_everybody_refuses_registrations_too(world: World) -> None:
    await world.post("/faults", kind="reject_login", code=405, count=1)
    async with baileys(world.simulator) as companion:
        close = await companion.event("close")
        assert close["code"] == 405
