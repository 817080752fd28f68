"""Time that runs out, for each queue of commands: in it (AMQP `expiration`) and before the start (`expiresat`)."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.services import PrivateServices
from schemas.names import SessionId
from schemas.topology.channels import Topology
from tests.support.backend import Backend, backend
from tests.support.consumers.consuming import Consuming, consuming

TEXT = {"to": "+15550001111", "content": {"kind": "text", "text": "hello"}}
CREATE = {"sessionId": "new", "userId": "u", "pairing": {"method": "qr"}}
DOORS = pytest.mark.parametrize(
    ("kind", "subject", "data"),
    [
        ("session.create.v1", "new", CREATE),
        ("session.restart.v1", "s1", {}),
        ("session.describe.v1", "s1", {}),
        ("message.read.v1", "s1", {"chat": "+15550001111", "messageIds": ["3EB0AA"]}),
        ("contact.check.v1", "s1", {"phones": ["+15550001111"]}),
        ("worker.describe.v1", "w1", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Consuming]:
    """A worker that consumes only the queues where commands are answered that ran out of time or have no queue."""
    async with consuming(services.amqp_url, Topology(namespace), "s1") as made:
        yield made


@pytest.fixture
async def shop(services: PrivateServices, here: Consuming) -> AsyncGenerator[Backend]:
    async with backend(services.amqp_url, here.topology.namespace) as made:
        yield made


@DOORS
async def test_a_command_past_its_time_is_not_started(
    shop: Backend, here: Consuming, kind: str, subject: str, data: dict[str, object]
) -> None:
    here.consumers.capacity_changed(True)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    reply = await shop.ask(kind, subject, data, expiresat=past)
    assert reply["data"]["code"] == "command.expired"
    assert here.manager.asked == []


@DOORS
async def test_a_command_that_runs_out_of_time_in_its_queue_is_answered(
    services: PrivateServices, namespace: str, kind: str, subject: str, data: dict[str, object]
) -> None:
    topology = Topology(namespace)
    async with consuming(services.amqp_url, topology, "s1") as first:
        await first.consumers.stop(grace=0)  # its queues are there, and nobody reads them
        async with backend(services.amqp_url, namespace) as shop:
            waiting = await shop.publish(kind, subject, data, expiration=0.05)
            async with asyncio.timeout(60):
                while not await first.count(topology.expired):  # noqa: ASYNC110 (the broker tells nobody)
                    await asyncio.sleep(0.02)
            async with consuming(services.amqp_url, topology, "s2", worker_id="w2") as second:
                reply = await shop.reply_to(waiting)
                assert reply["data"]["code"] == "command.expired"
                assert second.manager.asked == []
                assert await second.count(topology.expired) == 0


async def test_a_message_that_was_accepted_and_then_ran_out_is_told_by_its_status_only(
    shop: Backend, here: Consuming
) -> None:
    here.manager.accepted_earlier.add("early")
    await here.consumers.session_queues.pause(SessionId("s1"))
    await shop.publish("message.send.v1", "s1", TEXT, command_id="early", expiration=0.05)
    late = await shop.ask("message.send.v1", "s1", TEXT, command_id="late", expiration=0.05)
    assert late["data"]["code"] == "command.expired"
    assert here.manager.failed == [("early", "command.expired")]
    assert [given for given, _ in shop.answers] == ["late"]
