import pytest

from tests.e2e.conftest import World


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "stream_error", "code": 503}])
async def test_a_lost_connection_comes_back_and_what_waited_is_sent(world: World, fault: dict[str, object]) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    before = len(world.backend.events)

    await world.phones.post("/faults", {**fault, "phone": ana.phone.number, "count": 1})
    lost = await world.backend.state(ana.session_id, "disconnected", after=before)
    command = await world.send(ana, ben, "after the storm")
    await world.backend.state(ana.session_id, "connected", after=before)
    await world.status(command, "delivered")

    assert lost["data"]["retryAt"].endswith("Z")
    assert [e["content"]["text"] for e in await world.phones.inbox(ben, 1)] == ["after the storm"]


async def test_a_replaced_session_raises_an_alarm_and_does_not_fight(world: World) -> None:
    ana = await world.paired("Ana")
    before = len(world.backend.events)

    await world.phones.fault("stream_error", ana.phone, code=440, count=1)
    await world.backend.event(
        "session.status.v1",
        lambda e: e["subject"] == ana.session_id and e["data"].get("reason", {}).get("code") == "session.replaced",
    )
    described = await world.backend.ask("session.describe.v1", ana.session_id)

    assert described["data"]["result"]["state"] not in {"connecting", "connected"}
    later = world.backend.events[before:]
    assert not [e for e in later if e.get("subject") == ana.session_id and e["data"].get("status") == "connecting"]


async def test_unlinking_on_the_phone_logs_the_session_out(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")

    await world.phones.unlink(ana.phone)
    out = await world.backend.state(ana.session_id, "logged_out")
    command = await world.send(ana, ben, "anyone?")
    refused = await world.backend.reply_to(command)

    assert out["data"]["reason"]["action"] == "rescan"
    assert (refused["type"], refused["data"]["code"]) == ("command.rejected.v1", "session.not_connected")


async def test_a_logged_out_session_can_be_paired_again(world: World) -> None:
    ana = await world.paired("Ana")
    await world.phones.unlink(ana.phone)
    await world.backend.state(ana.session_id, "logged_out")
    before = len(world.backend.events)

    await world.create(ana.session_id)
    await world.scan(ana.session_id, ana.phone, after=before)
    await world.backend.state(ana.session_id, "connected", after=before)
    received = await world.phones.send(await world.phones.give("Ben"), ana.phone.number, "welcome back")

    await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == received)


async def test_restart_keeps_the_credentials(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    before = len(world.backend.events)

    reply = await world.backend.ask("session.restart.v1", ana.session_id)
    await world.backend.state(ana.session_id, "connected", after=before)
    command = await world.send(ana, ben, "same device")
    await world.status(command, "delivered")

    assert reply["type"] == "command.accepted.v1"
    assert not [e for e in world.backend.events[before:] if e["data"].get("qrString")]


async def test_logout_unlinks_and_keeps_the_record(world: World) -> None:
    ana = await world.paired("Ana")

    reply = await world.backend.ask("session.logout.v1", ana.session_id)
    await world.backend.state(ana.session_id, "logged_out")
    described = await world.backend.ask("session.describe.v1", ana.session_id)

    assert reply["type"] == "command.accepted.v1"
    assert described["data"]["result"]["state"] == "logged_out"


async def test_what_arrived_while_offline_is_received_once(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    before = len(world.backend.events)
    await world.phones.fault("drop", ana.phone, count=1)
    sent = [await world.phones.send(ben, ana.phone.number, f"missed {n}") for n in range(5)]

    await world.backend.state(ana.session_id, "connected", after=before)
    for message_id in sent:
        await world.backend.event("message.received.v1", lambda e, m=message_id: e["data"]["messageId"] == m)

    seen = [e["data"]["messageId"] for e in world.backend.of(ana.session_id, "message.received.v1")]
    assert seen == sent
