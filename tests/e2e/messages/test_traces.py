"""One message, from the backend's command to the webhook that tells of it: one trace, and log lines with its ids."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aio_pika

from deploy.local.services import PrivateServices
from gateway_worker.webhooks.names import WebhookNames
from schemas.topology.channels import Topology
from tests.e2e.conftest import World, a_world
from tests.support.backend import PATIENCE
from tests.support.collector import Collected, a_collector
from tests.support.webhooks import Stage as Broker
from tests.support.webhooks import a_receiver

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIED: dict[str, Any] = {
    "traceparent": f"00-{TRACE}-{CALLER}-01",
    "tracestate": "shop=1",
    "tenant": "acme",
    "hops": 3,
}
STEPS = {
    "process gateway.commands",
    "prepare",
    "bridge send",
    "whatsapp acknowledge",
    "store sent",
    "publish message.status.v1",
    "process webhooks",
    "POST",
}
LINES = [
    "command.received",
    "message.prepared",
    "message.handed_over",
    "message.acknowledged",
    "message.sent",
    "command.settled",
]


async def test_a_messages_trace_is_whole_and_its_log_lines_have_its_ids(
    services: PrivateServices, migrated_template: str, tmp_path: Path
) -> None:
    async with a_collector() as collector, a_receiver() as receiver:
        traced = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "GATEWAY_LOG_LEVEL": "debug",
            "GATEWAY_BRIDGES": "1",
        }
        webhooks = {
            "GATEWAY_WEBHOOKS_BACKEND_URL": receiver.url,
            "GATEWAY_WEBHOOKS_ALLOW_PRIVATE": "true",
            "GATEWAY_WEBHOOKS_HTTP_PORT": "0",
        }
        async with a_world(services, migrated_template, tmp_path, traced) as world:
            await world.stage.launch("webhooks", "webhooks", settings=webhooks)
            await _until_told(services.amqp_url, Topology(world.backend.namespace))
            member, friend = await world.paired(), await world.phones.give("Ben")
            content = {"kind": "text", "text": "Hello"}
            command_id = await world.backend.publish(
                "message.send.v1",
                member.session_id,
                {"to": friend.number, "content": content},
                correlationid="order-77",
                **CARRIED,
            )
            delivered = await world.status(command_id, "delivered")
            reply = await world.backend.reply_to(command_id)
            for seen in (reply, delivered):
                assert {name: seen.get(name) for name in CARRIED} == CARRIED
            await receiver.until(lambda it: any(command_id in call.body.decode() for call in it.taken), PATIENCE)
            spans = await collector.until(lambda found: {each.name for each in _ours(found)} >= _steps(world))
            _check_spans(_ours(spans), world)
            _check_lines(world.worker.log(), command_id, str(delivered["data"]["messageId"]))


async def _until_told(amqp_url: str, topology: Topology) -> None:
    """Events reach webhooks."""
    async with await aio_pika.connect(amqp_url) as connection:
        stage = Broker(topology, connection, await connection.channel())
        await stage.until_bound(WebhookNames(topology).queue("backend"))


def _steps(world: World) -> set[str]:
    return {step.replace("gateway.commands", f"{world.backend.namespace}.commands") for step in STEPS}


def _ours(spans: list[Collected]) -> list[Collected]:
    return [span for span in spans if span.trace == TRACE]


def _check_spans(spans: list[Collected], world: World) -> None:
    """Each lies in another of them, or in the backend's own; what waits for something contains it."""
    by_name = {span.name: span for span in spans}
    command = by_name[f"process {world.backend.namespace}.commands"]
    assert {span.parent for span in spans} <= {span.id for span in spans} | {CALLER}
    assert {by_name[name].parent for name in ("prepare", "bridge send", "store sent")} == {command.id}
    assert by_name["whatsapp acknowledge"].parent == by_name["bridge send"].id
    assert by_name["POST"].parent == by_name["process webhooks"].id
    assert {by_name[name].parent for name in ("process webhooks", "publish message.status.v1")} == {CALLER}
    assert {by_name["POST"].service, command.service} == {"gateway-webhooks", "gateway-worker"}
    assert command.attributes["messaging.system"] == "rabbitmq"


def _check_lines(log: str, command_id: str, message_id: str) -> None:
    lines: list[Mapping[str, Any]] = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    of_it = [line for line in lines if line.get("command_id") == command_id]
    said = [line["event"] for line in of_it if line["event"] in {"message.begun", *LINES}]
    assert [each for each in said if each in LINES] == LINES
    assert said.count("message.begun") == 1
    # with a connection at hand it is written together with its ratchet, so after it was prepared; else before
    assert said.index("command.received") < said.index("message.begun") < said.index("message.acknowledged")
    assert {line.get("correlation_id") for line in of_it} == {"order-77"}
    assert {line.get("trace_id") for line in of_it if line["event"] in said} == {TRACE}
    assert {line["message_id"] for line in of_it if line["event"].startswith("message.")} == {message_id}
    seen = {line["status"] for line in of_it if line["event"] == "event.published"}
    assert {"sent", "delivered"} <= seen
