"""Who shares a broker with others does nothing in their name: on a real RabbitMQ, with users as we define them."""

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection, ExchangeType
from aiormq.exceptions import ChannelAccessRefused

from deploy.local.services import PrivateServices
from gateway_worker.cli.topology import definitions_text, tenant_text
from gateway_worker.client import EventQueue, Gateway, NotPermittedError
from gateway_worker.dead_queue import DeadQueueKind, open_dead_letter_queue
from schemas.names import SessionId
from schemas.topology.channels import Topology
from tests.support.backend import Backend, backend
from tests.support.consumers.consuming import Consuming, consuming
from tests.support.consumers.fakes import body_of, text_message
from tests.support.services.rabbitmqctl import rabbitmqctl

OURS, THEIRS = "acme-1", "other-1"
CREATE = {"sessionId": OURS, "userId": "u", "pairing": {"method": "qr"}}


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Consuming]:
    async with consuming(services.amqp_url, Topology(namespace, f"{namespace}.backend"), OURS, THEIRS) as made:
        yield made


@pytest.fixture
async def shop(services: PrivateServices, here: Consuming) -> AsyncGenerator[Backend]:
    async with backend(services.amqp_url, here.topology.namespace) as made:
        yield made


def carried_out(here: Consuming) -> list[Any]:
    """What reached the other tenant's session."""
    return [*here.manager.of(SessionId(THEIRS)).sent, *here.manager.asked]


@pytest.mark.parametrize(
    "key",
    [f"session.{OURS}", f"control.{OURS}", f"sessions.create.{OURS}", "sessions.create", "session.nobody", "worker.w1"],
)
async def test_a_command_with_anothers_key_is_forbidden(shop: Backend, here: Consuming, key: str) -> None:
    here.consumers.capacity_changed(True)
    for kind, data in {
        "message.send.v1": {"to": "+15550001111", "content": {"kind": "text", "text": "hello"}},
        "message.history.v1": {"chat": "15550001111@s.whatsapp.net"},
        "session.delete.v1": {},
    }.items():
        reply = await shop.ask(kind, THEIRS, data, routing_key=key)
        assert (reply["data"]["code"], reply["data"]["detail"]) == ("command.forbidden", {"because": "routingKey"})
        _, headers = await here.take(here.topology.dead)
        assert headers["x-gateway-code"] == "command.forbidden"
    assert carried_out(here) == []


async def test_a_copy_at_another_session_is_forbidden(shop: Backend, here: Consuming) -> None:
    """Sender-selected distribution: the broker looks at the permission of the key alone, and routes copies."""
    for header in ("CC", "BCC"):
        headers: dict[str, Any] = {header: [f"session.{THEIRS}", "control"]}
        mark = str(uuid.uuid4())
        body = text_message(THEIRS, "by copy", command_id=mark)
        await shop.publish_raw(f"session.{OURS}", body, headers=headers, message_id=mark)
        for _ in range(3):
            _, seen = await here.take(here.topology.dead)
            assert seen["x-gateway-code"] == "command.forbidden"
    assert carried_out(here) == []


async def _publish_by_dead_lettering(channel: AbstractChannel, topology: Topology, key: str, body: bytes) -> None:
    way: dict[str, Any] = {
        "x-dead-letter-exchange": topology.commands,
        "x-dead-letter-routing-key": key,
        "x-message-ttl": 1,
    }
    queue = await channel.declare_queue(exclusive=True, arguments=way)
    await channel.default_exchange.publish(aio_pika.Message(body), queue.name)


async def _publish_by_binding(channel: AbstractChannel, topology: Topology, key: str, body: bytes) -> None:
    own = await channel.declare_exchange(str(uuid.uuid4()), ExchangeType.TOPIC, auto_delete=True)
    commands = await channel.get_exchange(topology.commands, ensure=False)
    await commands.bind(own, "#")
    await own.publish(aio_pika.Message(body), key)


async def _publish_by_alternate(channel: AbstractChannel, topology: Topology, key: str, body: bytes) -> None:
    more: Any = {"alternate-exchange": topology.commands}
    own = await channel.declare_exchange(str(uuid.uuid4()), ExchangeType.TOPIC, arguments=more)
    await own.publish(aio_pika.Message(body), key, mandatory=False)
    await own.delete()


@pytest.mark.parametrize("publish", [_publish_by_dead_lettering, _publish_by_binding, _publish_by_alternate])
async def test_a_command_that_the_broker_published_for_somebody_is_forbidden(
    shop: Backend,
    here: Consuming,
    publish: Callable[[AbstractChannel, Topology, str, bytes], Awaitable[None]],
) -> None:
    """None of these ways asks for a topic permission, so the key proves nothing."""
    await publish(shop.channel, here.topology, f"session.{THEIRS}", text_message(THEIRS))
    _, headers = await here.take(here.topology.dead)
    assert headers["x-gateway-code"] == "command.forbidden"
    assert carried_out(here) == []


async def test_a_reply_goes_to_no_queue_of_ours_nor_to_another_tenants(shop: Backend, here: Consuming) -> None:
    topology = here.topology
    for queue in (
        topology.session_queue_name(THEIRS),
        topology.control_queue,
        topology.backend_queue,
        topology.dead,
        f"{topology.tenant_own('other-')}events",
        "amq.rabbitmq.reply-to.somebody",
        "amq.topic",
    ):
        for body in (text_message(OURS), b"no command"):
            await shop.publish_raw(f"session.{OURS}", body, reply_to=queue)
            event = await shop.event("command.rejected.v1")
            shop.events.clear()
            assert event["_routing_key"] == f"command.rejected.{OURS}"
            assert event["data"]["code"] == ("command.invalid" if body == b"no command" else "command.forbidden")
    assert here.manager.of(SessionId(OURS)).sent == []


async def test_a_forbidden_command_that_is_redriven_is_forbidden_again(
    services: PrivateServices, shop: Backend, here: Consuming
) -> None:
    forged: dict[str, Any] = {"x-gateway-code": "internal", "x-gateway-routing-key": "control"}
    await shop.publish_raw(f"control.{OURS}", body_of("session.delete.v1", THEIRS, {}), headers=forged)
    for _ in range(2):
        seen = await shop.event("command.rejected.v1")
        assert (seen["subject"], seen["data"]["code"]) == (OURS, "command.forbidden")
        shop.events.clear()
        async with open_dead_letter_queue(services.amqp_url, DeadQueueKind.of_commands(here.topology)) as dead_letters:
            (dead_letter,) = dead_letters.commands
            assert (await dead_letters.redrive([dead_letter])).done == [dead_letter]
    assert (await shop.event("command.rejected.v1"))["subject"] == OURS
    assert carried_out(here) == []


# --- tenants ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def user(services: PrivateServices, folder: Path, definitions: str, name: str) -> AsyncGenerator[str]:
    """Import definitions, their user with a password, and remove it afterwards. Answers with its URL."""
    document = json.loads(definitions)
    for each in document["users"]:
        each["password_hash"] = base64.b64encode(b"salt" + hashlib.sha256(b"saltsecret").digest()).decode()
    file = folder / "definitions.json"
    await asyncio.to_thread(file.write_text, json.dumps(document))
    await rabbitmqctl(services, "import_definitions", str(file))
    try:
        yield f"amqp://{name}:secret@{services.amqp_url.rpartition('@')[2]}"
    finally:
        await rabbitmqctl(services, "delete_user", name)


@asynccontextmanager
async def a_channel(url: str) -> AsyncGenerator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection:
        yield await connection.channel(publisher_confirms=True)


async def refused(connection: AbstractConnection, act: Callable[[AbstractChannel], Awaitable[Any]]) -> None:
    """Each on a channel of its own: a refusal closes it."""
    channel = await connection.channel(publisher_confirms=True)
    with pytest.raises(ChannelAccessRefused):
        await act(channel)


@pytest.mark.timeout(300)  # rabbitmqctl is a virtual machine each time
async def test_a_tenant_uses_its_sessions_and_nothing_else(
    services: PrivateServices, here: Consuming, tmp_path: Path
) -> None:
    topology = here.topology
    here.consumers.capacity_changed(True)
    name = f"{topology.namespace}-tenant-acme-"
    async with user(services, tmp_path, tenant_text(topology.namespace, "acme-"), name) as url:
        await _everything_allowed(url, topology)
        async with await aio_pika.connect(url) as connection:
            await _nothing_else(connection, topology)
    async with a_channel(services.amqp_url) as channel:
        for queue in topology.tenant("acme-").queues:
            await channel.queue_delete(queue.name)
    assert here.manager.of(SessionId(THEIRS)).sent == []


async def _everything_allowed(url: str, topology: Topology) -> None:
    own = topology.tenant_own("acme-")
    async with a_channel(url) as channel:
        events = await channel.get_queue(f"{own}events", ensure=False)
        for session in (OURS, "acme-2"):
            await events.bind(topology.events, f"#.{session}")
        arrived: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            arrived.put_nowait(json.loads(message.body))

        await (await channel.get_queue(f"{own}replies", ensure=False)).consume(take, no_ack=True)
        await (await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)).consume(take, no_ack=True)
        commands = await channel.get_exchange(topology.commands, ensure=False)
        for key, body, reply_to in (
            (f"sessions.create.{OURS}", body_of("session.create.v1", OURS, CREATE), f"{own}replies"),
            (f"session.{OURS}", text_message(OURS), "amq.rabbitmq.reply-to"),
            (f"control.{OURS}", body_of("session.describe.v1", OURS, {}), f"{own}replies"),
        ):
            await commands.publish(aio_pika.Message(body, reply_to=reply_to), key)
            async with asyncio.timeout(60):
                assert (await arrived.get())["type"] in {"command.accepted.v1", "command.result.v1"}
    tenants = EventQueue(sessions=[OURS])
    async with Gateway(url, namespace=topology.namespace) as gateway, gateway.events(tenants):
        assert (await gateway.request("session.describe.v1", OURS, {})).type == "command.result.v1"
        with pytest.raises(NotPermittedError):
            await gateway.restart_session(THEIRS)


async def publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    await target.publish(aio_pika.Message(text_message(THEIRS)), key)


async def bind(channel: AbstractChannel, queue: str, exchange: str, key: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, key)


async def take_from(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(no_ack=True, fail=False)


async def _nothing_else(connection: AbstractConnection, topology: Topology) -> None:
    own, events = topology.tenant_own("acme-"), f"{topology.tenant_own('acme-')}events"
    for key in (f"session.{THEIRS}", f"control.{THEIRS}", "control", "sessions.create", "worker.w1", "session.acme-.x"):
        await refused(connection, partial(publish, exchange=topology.commands, key=key))
    await refused(connection, partial(publish, exchange=topology.events, key=f"session.status.{OURS}"))
    await refused(connection, partial(publish, exchange="", key=topology.session_queue_name(THEIRS)))
    for key in ("#", f"#.{THEIRS}", f"*.*.{THEIRS}", "message.status.*", "#.acme-1.#", "*.*.*"):
        await refused(connection, partial(bind, queue=events, exchange=topology.events, key=key))
    await refused(connection, partial(bind, queue=events, exchange=topology.commands, key=f"session.{OURS}"))
    for queue in (topology.session_queue_name(THEIRS), topology.dead, f"{topology.namespace}.backend"):
        await refused(connection, partial(take_from, queue=queue))
    await refused(connection, lambda channel: channel.declare_queue(f"{own}more"))
    await refused(connection, lambda channel: channel.declare_exchange(f"{own}more", ExchangeType.TOPIC))
    await refused(connection, lambda channel: channel.queue_delete(events))


@pytest.mark.timeout(300)
async def test_a_backend_of_least_rights_asks_and_hears(
    services: PrivateServices, here: Consuming, tmp_path: Path
) -> None:
    topology = here.topology
    name = f"{topology.namespace}-backend"
    async with user(services, tmp_path, definitions_text(topology.namespace, topology.backend_queue), name) as url:
        async with backend(url, topology.namespace) as shop:
            assert (await shop.ask("session.describe.v1", OURS))["type"] == "command.result.v1"
            assert (await shop.ask("session.list.v1", ""))["type"] == "command.result.v1"
        async with await aio_pika.connect(url) as connection:
            await refused(connection, partial(publish, exchange="", key=topology.control_queue))
    await rabbitmqctl(services, "delete_user", f"{topology.namespace}-worker")
