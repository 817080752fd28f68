"""PostgreSQL, then WhatsApp, is away for a while, with commands arriving in every queue: held, answered after, once."""

import asyncio

import aio_pika
import aiohttp
import pytest

from tests.e2e.conftest import World

_AWAY_SECONDS = 10.0  # it is the time itself that is tested


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_postgresql_away_rejects_nothing_and_loses_nothing(own_world: World) -> None:
    world, backend = own_world, own_world.backend
    ana, ben, cleo = await world.paired("Ana"), await world.phones.give("Ben"), await world.paired("Cleo")
    await world.status(await world.send(ana, ben, "before"), "delivered")

    await asyncio.to_thread(world.services.postgresql.kill)
    asked = [
        await backend.publish("session.describe.v1", ana.session_id, {}),
        await backend.publish("session.list.v1", "", {}),
        await backend.publish("session.restart.v1", cleo.session_id, {}),
        await backend.publish("events.replay.v1", ana.session_id, {"fromSequence": 1}),
        await backend.publish("message.describe.v1", ana.session_id, {"commandId": "none"}),
        await backend.publish("worker.describe.v1", "worker-001", {}),
        await backend.publish("contact.check.v1", ana.session_id, {"phones": [ben.number]}),
        await backend.publish(
            "session.create.v1", "late", {"sessionId": "late", "userId": "tester", "pairing": {"method": "qr"}}
        ),
    ]
    sent = [await world.send(ana, ben, f"{number}") for number in range(20)]
    received = [await world.phones.send(ben, ana.phone.number, f"to you {number}") for number in range(5)]
    await asyncio.sleep(_AWAY_SECONDS)
    assert not [reply for _, reply in backend.answers if reply["type"] == "command.rejected.v1"]
    await asyncio.to_thread(world.services.postgresql.start)

    for command in sent:
        assert (await backend.reply_to(command))["type"] == "command.accepted.v1"
        await world.status(command, "sent", patience=60)
    answers = [await backend.reply_to(command) for command in asked]
    assert {reply["data"].get("code") for reply in answers} <= {None, "message.not_found"}
    for message_id in received:
        await backend.event("message.received.v1", lambda e, wanted=message_id: e["data"]["messageId"] == wanted)
    entries = await world.phones.inbox(ben, 21)
    assert [(e["content"]["text"], e["copies"]) for e in entries] == [
        ("before", 1), *((f"{number}", 1) for number in range(20)),
    ]  # fmt: skip
    given = [mark for mark, _ in backend.answers]
    assert len(given) == len(set(given)), "one reply each"
    assert not [e for e in backend.events if e["type"] == "command.rejected.v1"]


@pytest.mark.timeout(180)
async def test_commands_wait_while_whatsapp_takes_no_login(world: World) -> None:
    backend = world.backend
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    before = len(backend.events)
    await world.phones.fault("reject_login", ana.phone, code=503, count=2)
    await world.phones.fault("drop", ana.phone, count=1)
    await backend.state(ana.session_id, "disconnected", after=before)

    sent = [await world.send(ana, ben, f"{number}") for number in range(10)]
    described = await backend.ask("session.describe.v1", ana.session_id)
    for command in sent:
        await world.status(command, "sent", patience=60)

    assert described["type"] == "command.result.v1"
    texts = [entry["content"]["text"] for entry in await world.phones.inbox(ben, 10)]
    assert texts == [f"{number}" for number in range(10)]
    replies = [await backend.reply_to(command) for command in sent]
    assert {reply["type"] for reply in replies} == {"command.accepted.v1"}


@pytest.mark.timeout(180)
async def test_an_exchange_deleted_while_nobody_speaks_comes_back_with_every_binding(mortal_world: World) -> None:
    world = mortal_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    name = f"{world.stage.settings['GATEWAY_NAMESPACE']}.commands"
    async with await aio_pika.connect(world.services.amqp_url) as connection:
        await (await connection.channel()).exchange_delete(name)

    async with aiohttp.ClientSession(world.worker.url) as http, asyncio.timeout(60):
        noted: str = ""
        while name not in noted:
            async with http.get("/health") as response:
                noted = (await response.json())["checks"]["topology"].get("error", "")
        metrics = await (await http.get("/metrics")).text()
        assert "gateway_topology_missing_total 1.0" in metrics
        while "topology.restored" not in world.worker.log():  # noqa: ASYNC110 (a log is a file)
            await asyncio.sleep(0.1)

    await world.status(await world.send(ana, ben, "still here"), "delivered")
