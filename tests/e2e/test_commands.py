import json
import uuid

import aio_pika
import pytest

from tests.contract.invalid_commands import INVALID_COMMANDS, SESSION, InvalidCommand
from tests.e2e.conftest import World
from tests.support.backend import Document

Answer = dict[str, str | None]


@pytest.fixture(scope="session")
async def addressed(world: World) -> World:
    """The session that the invalid commands speak of exists, so that its own queue takes those that are its."""
    await world.create(SESSION)
    return world


async def test_every_invalid_command_is_answered_with_its_code(addressed: World) -> None:
    backend = addressed.backend
    deliveries = {invalid.name: str(uuid.uuid4()) for invalid in INVALID_COMMANDS}
    for invalid in INVALID_COMMANDS:
        delivery = deliveries[invalid.name]
        await backend.publish_raw(
            invalid.routing_key,
            invalid.body,
            message_id=delivery,
            correlation_id=delivery,
            reply_to=backend.replies.name,
        )

    async def answer(invalid: InvalidCommand) -> Answer:
        rejected = await backend.reply_to(deliveries[invalid.name])
        data = rejected["data"]
        return {
            "type": rejected["type"],
            "code": data["code"],
            "path": data["detail"]["path"],
            "command": data.get("commandId"),
            "cause": rejected["causationid"],
        }

    answers = {invalid.name: await answer(invalid) for invalid in INVALID_COMMANDS}

    assert answers == {
        invalid.name: {
            "type": "command.rejected.v1",
            "code": invalid.code,
            "path": invalid.path,
            "command": invalid.command_id,
            "cause": invalid.command_id or deliveries[invalid.name],
        }
        for invalid in INVALID_COMMANDS
    }


async def test_a_rejection_without_reply_to_is_an_event_and_the_command_is_in_the_dead_queue(world: World) -> None:
    command_id = await world.backend.publish("no.such.v1", "nobody", {}, reply=False)

    rejected = await world.backend.event("command.rejected.v1", lambda e: e["data"].get("commandId") == command_id)

    assert rejected["data"]["code"] == "command.invalid"
    dead_letter = await _in_the_dead_queue(world, command_id)
    assert json.loads(dead_letter.body)["id"] == command_id
    assert "command.invalid" in str(dead_letter.headers)


async def test_a_command_for_an_unknown_session_is_answered(world: World) -> None:
    data: Document = {"to": "+15550001111", "content": {"kind": "text", "text": "?"}}

    for kind, body in (
        ("message.send.v1", data),
        ("contact.check.v1", {"phones": ["+15550001111"]}),
        ("session.describe.v1", {}),
        ("session.restart.v1", {}),
        ("session.logout.v1", {}),
        ("session.delete.v1", {}),
        ("session.qr.v1", {}),
        ("message.describe.v1", {"messageId": "3EB0"}),
    ):
        rejected = await world.backend.ask(kind, "nobody", body)
        assert (kind, rejected["type"], rejected["data"].get("code")) == (
            kind,
            "command.rejected.v1",
            "session.not_found",
        )


async def test_a_command_for_an_unknown_worker_is_answered(world: World) -> None:
    rejected = await world.backend.ask("worker.describe.v1", "nobody")

    assert rejected["data"]["code"] == "worker.not_found"


async def test_a_worker_describes_what_it_holds(world: World) -> None:
    ana = await world.paired("Ana")

    described = (await world.backend.ask("worker.describe.v1", "worker-001"))["data"]["result"]

    assert described["workerId"] == "worker-001"
    assert described["sessionCount"] >= 1
    assert ana.session_id in described["sessions"]


async def test_a_command_in_the_wrong_queue_is_forwarded_to_the_right_one(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    data = {"to": ben.number, "content": {"kind": "text", "text": "through the wrong door"}}

    sent = await world.backend.publish("message.send.v1", ana.session_id, data, routing_key=f"control.{ana.session_id}")
    described = await world.backend.ask("session.describe.v1", ana.session_id, routing_key=f"session.{ana.session_id}")
    created = await world.backend.ask(
        "session.create.v1",
        "by-control",
        {"sessionId": "by-control", "userId": "tester", "pairing": {"method": "qr"}},
        routing_key="control",
    )

    await world.status(sent, "sent")
    assert described["data"]["result"]["state"] == "connected"
    assert created["type"] == "command.accepted.v1"


async def test_an_expired_command_is_not_started(world: World) -> None:
    ana = await world.paired("Ana")

    rejected = await world.backend.ask(
        "message.send.v1",
        ana.session_id,
        {"to": "+15550001111", "content": {"kind": "text", "text": "too late"}},
        expiresat="2020-01-01T00:00:00Z",
    )

    assert rejected["data"]["code"] == "command.expired"


async def test_an_oversized_body_is_rejected_and_nothing_gets_stuck(world: World) -> None:
    ana = await world.paired("Ana")
    delivery = str(uuid.uuid4())

    await world.backend.publish_raw(
        f"session.{ana.session_id}",
        b"{" + b" " * (3 * 1024 * 1024) + b"}",
        message_id=delivery,
        correlation_id=delivery,
        reply_to=world.backend.replies.name,
    )
    rejected = await world.backend.reply_to(delivery)
    checked = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": ["+15550001111"]})

    assert rejected["data"]["code"] == "command.invalid"
    assert checked["type"] == "command.result.v1"


async def test_sessions_are_listed_page_by_page(world: World) -> None:
    for _ in range(3):
        await world.create(world.new_session_id())

    first = (await world.backend.ask("session.list.v1", "", {"limit": 2}))["data"]["result"]
    second = (await world.backend.ask("session.list.v1", "", {"limit": 2, "cursor": first["cursor"]}))["data"]["result"]

    names = [each["sessionId"] for each in (*first["sessions"], *second["sessions"])]
    assert len(names) >= 3
    assert names == sorted(set(names))


async def test_a_session_of_another_user_is_not_taken_over(world: World) -> None:
    session_id = world.new_session_id()
    await world.create(session_id)

    refused = await world.backend.ask(
        "session.create.v1", session_id, {"sessionId": session_id, "userId": "stranger", "pairing": {"method": "qr"}}
    )

    assert refused["data"]["code"] == "command.conflict"


async def test_a_query_to_a_session_that_is_pairing_says_so_at_once(world: World) -> None:
    session_id = world.new_session_id()
    await world.create(session_id)
    await world.backend.state(session_id, "qr_required")

    refused = await world.backend.ask("contact.check.v1", session_id, {"phones": ["+15550001111"]})

    assert refused["data"]["code"] == "session.not_connected"


async def _in_the_dead_queue(world: World, command_id: str) -> aio_pika.abc.AbstractIncomingMessage:
    queue = await world.backend.channel.get_queue(f"{world.backend.namespace}.dead")
    async with queue.iterator(timeout=60) as arrivals:
        async for message in arrivals:
            await message.ack()
            if message.message_id == command_id:
                return message
    raise AssertionError("it is not there")
