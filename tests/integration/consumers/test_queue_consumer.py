"""Queues of commands, disposition by disposition, on a real RabbitMQ."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime

import aio_pika
import pytest
from aiormq.abc import ChannelFrame
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from structlog.testing import capture_logs

from deploy.local.services import PrivateServices
from schemas.names import MAX_COMMAND_BYTES, SessionId
from schemas.topology.channels import Topology
from tests.support.backend import Backend, backend
from tests.support.consumers.consuming import Consuming, consuming

TEXT = {"to": "+15550001111", "content": {"kind": "text", "text": "hello"}}
PREFETCH = 50
CREATE = {"sessionId": "new", "userId": "u", "pairing": {"method": "qr"}}


def text(words: str) -> dict[str, object]:
    return {"to": "+15550001111", "content": {"kind": "text", "text": words}}


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Consuming]:
    async with consuming(services.amqp_url, Topology(namespace), "s1", "s2") as made:
        yield made


@pytest.fixture
async def shop(services: PrivateServices, here: Consuming) -> AsyncGenerator[Backend]:
    async with backend(services.amqp_url, here.topology.namespace) as made:
        yield made


async def test_each_queue_answers(shop: Backend, here: Consuming) -> None:
    here.consumers.capacity_changed(True)
    assert (await shop.ask("session.create.v1", "new", CREATE))["type"] == "command.accepted.v1"
    assert (await shop.ask("session.describe.v1", "s1"))["data"]["result"]["sessionId"] == "s1"
    assert (await shop.ask("session.list.v1", ""))["type"] == "command.result.v1"
    assert (await shop.ask("worker.describe.v1", "w1"))["data"]["result"]["workerId"] == "w1"
    assert (await shop.ask("message.send.v1", "s1", TEXT))["data"]["messageId"].startswith("3EB0")
    assert (await shop.ask("contact.check.v1", "s1", {"phones": ["+15550001111"]}))["data"]["result"]["contacts"]


async def test_a_reply_carries_both_correlations_and_its_cause(shop: Backend) -> None:
    reply = await shop.ask("session.describe.v1", "s1", correlationid="order-77")
    assert reply["correlationid"] == "order-77"
    assert reply["causationid"] == reply["data"]["commandId"]
    assert reply["subject"] == "s1"


async def test_a_direct_reply_to_is_answered_and_not_logged_as_undelivered(
    services: PrivateServices, here: Consuming
) -> None:
    connection = await aio_pika.connect(services.amqp_url)
    async with connection:
        channel = await connection.channel()
        replies: asyncio.Queue[bytes] = asyncio.Queue()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            replies.put_nowait(message.body)

        await direct.consume(take, no_ack=True)
        commands = await channel.get_exchange(here.topology.commands)
        with capture_logs() as logs:
            for reply_to in ("amq.rabbitmq.reply-to", "gone"):
                await commands.publish(aio_pika.Message(b"no command", reply_to=reply_to), "control")
            async with asyncio.timeout(60):
                assert b"command.invalid" in await replies.get()
                while not (undelivered := _undelivered(logs)):  # noqa: ASYNC110 (a log wakes nobody)
                    await asyncio.sleep(0.05)
        assert len(undelivered) == 1, "of the queue that is not there"


def _undelivered(logs: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    return [each for each in logs if each["event"] == "reply.undelivered"]


async def test_a_command_in_the_wrong_queue_reaches_the_right_one(shop: Backend) -> None:
    for kind, subject, data, wrong in (
        ("session.describe.v1", "s1", {}, "session.s1"),
        ("message.send.v1", "s1", TEXT, "control.s1"),
        ("worker.describe.v1", "w1", {}, "control"),
    ):
        reply = await shop.ask(kind, subject, data, routing_key=wrong)
        assert reply["type"] in {"command.accepted.v1", "command.result.v1"}, (kind, wrong, reply)


async def test_commands_for_what_does_not_exist_are_answered(shop: Backend) -> None:
    for kind, subject, data, code in (
        ("message.send.v1", "nobody", TEXT, "session.not_found"),
        ("session.describe.v1", "nobody", {}, "session.not_found"),
        ("worker.describe.v1", "nobody", {}, "worker.not_found"),
    ):
        assert (await shop.ask(kind, subject, data))["data"]["code"] == code


async def test_a_known_session_whose_queue_was_removed_gets_it_back(shop: Backend, here: Consuming) -> None:
    await here.consumers.session_queues.pause(SessionId("s1"))
    channel = await here.link.channel(confirms=False)
    await channel.queue_delete(here.topology.session_queue_name("s1"))
    await channel.close()
    command_id = await shop.publish("message.send.v1", "s1", TEXT)
    await here.consumers.session_queues.open(SessionId("s1"))
    assert (await shop.reply_to(command_id))["type"] == "command.accepted.v1"


async def test_poison_is_answered_and_lies_in_the_dead_queue(shop: Backend, here: Consuming) -> None:
    for number, body in enumerate((b"no command", b"\xff", b"x" * (MAX_COMMAND_BYTES + 1))):
        await shop.publish_raw(
            "session.s1", body, message_id=f"m{number}", correlation_id=f"m{number}", reply_to=shop.replies.name
        )
        reply = await shop.reply_to(f"m{number}")
        assert (reply["data"]["code"], reply["causationid"]) == ("command.invalid", f"m{number}")
        kept, headers = await here.take(here.topology.dead)
        assert kept == body[: len(kept)]
        assert headers["x-gateway-code"] == "command.invalid"
        assert headers["x-gateway-routing-key"] == "session.s1"
    assert await here.count(here.topology.session_queue_name("s1")) == 0


async def test_strange_properties_and_headers_do_no_harm(shop: Backend) -> None:
    headers = {"x": {"nested": [1, {"a": "b"}]}, "when": 1.5, "n": None, "big": 2**40, "unicode": "ü" * 200}
    await shop.publish_raw(
        "session.s2",
        b"no command",
        headers=headers,
        message_id="ü" * 120,
        correlation_id="\u0007bell",
        reply_to=shop.replies.name,
        content_encoding="gzip",
        expiration=3600,
    )
    assert (await shop.reply_to("\u0007bell"))["data"]["code"] == "command.invalid"


@pytest.mark.parametrize("where", ["message id", "header", "header name", "reply-to", "routing key", "time"])
async def test_text_that_is_not_utf8_does_no_harm(shop: Backend, here: Consuming, where: str) -> None:
    channel = await here.link.channel(confirms=False)
    values = {
        "message id": "1",
        "header": "1",
        "header name": "h",
        "time": "",
        "reply-to": shop.replies.name,
        "routing key": "session.s1",
    }
    values[where] = "AAAA"
    frames = ChannelFrame.marshall(
        channel.number,
        [
            spec.Basic.Publish(exchange=here.topology.commands, routing_key=values["routing key"]),
            ContentHeader(
                body_size=10,
                properties=spec.Basic.Properties(
                    message_id=values["message id"],
                    reply_to=values["reply-to"],
                    headers={values["header name"]: values["header"]},
                    timestamp=datetime.fromtimestamp(0x41414141, UTC) if where == "time" else None,
                ),
            ),
            ContentBody(b"no command"),
        ],
    )
    payload = frames.payload.replace(b"\0\0\0\0AAAA", b"\x7f" * 8).replace(b"AAAA", b"\xff\xfe\xfd\xfc")
    await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
    await here.take(here.topology.dead)
    assert (await shop.ask("session.describe.v1", "s1"))["type"] == "command.result.v1"


async def test_a_rejection_nobody_asked_for_is_an_event(shop: Backend) -> None:
    await shop.publish("message.send.v1", "nobody", TEXT, reply=False)
    event = await shop.event("command.rejected.v1")
    assert event["_routing_key"] == "command.rejected.nobody"
    assert event["data"]["code"] == "session.not_found"


async def test_a_reply_queue_that_is_gone_holds_nothing_up(shop: Backend) -> None:
    await shop.publish_raw("control", b"no command", reply_to="no-such-queue", message_id="x")
    assert (await shop.ask("session.describe.v1", "s1"))["type"] == "command.result.v1"


async def test_a_duplicate_is_answered_once_more_and_sent_once(shop: Backend, here: Consuming) -> None:
    first = await shop.publish("message.send.v1", "s1", TEXT, command_id="same")
    original = await shop.reply_to(first)
    shop.answers.clear()
    again = await shop.reply_to(await shop.publish("message.send.v1", "s1", TEXT, command_id="same"))
    assert again["data"] == original["data"]
    assert here.manager.of(SessionId("s1")).sent == ["hello"]


async def test_a_command_that_expired_in_its_queue_is_answered(shop: Backend, here: Consuming) -> None:
    await here.consumers.session_queues.pause(SessionId("s1"))
    reply = await shop.ask("message.send.v1", "s1", TEXT, expiration=0.05)
    assert reply["data"]["code"] == "command.expired"


async def test_messages_keep_their_order_through_pause_and_reopening(shop: Backend, here: Consuming) -> None:
    queues, session = here.consumers.session_queues, here.manager.of(SessionId("s1"))
    session.connected.clear()
    for number in range(120):  # more than the prefetch
        await shop.publish("message.send.v1", "s1", text(f"{number}"), reply=False)
    for _ in range(3):
        await queues.pause(SessionId("s1"))
        session.begun.clear()
        await queues.open(SessionId("s1"))
    session.connected.set()
    async with asyncio.timeout(60):
        await session.until_sent(120)
    assert session.begun == session.sent == [f"{number}" for number in range(120)]
    assert await here.count(here.topology.session_queue_name("s1")) == 0


async def test_a_session_that_is_handed_over_settles_what_runs_and_leaves_the_rest_in_the_queue(
    shop: Backend, here: Consuming
) -> None:
    queues, session_id = here.consumers.session_queues, SessionId("s1")
    session = here.manager.of(session_id)
    session.connected.clear()
    for number in range(60):  # ten more than the prefetch
        await shop.publish("message.send.v1", "s1", text(f"{number}"), reply=False)
    async with asyncio.timeout(60):
        while len(session.begun) < PREFETCH:  # noqa: ASYNC110 (the fake tells only what it has sent)
            await asyncio.sleep(0.01)
    pausing = asyncio.create_task(queues.pause(session_id, grace=10))
    await asyncio.sleep(0)  # it has begun, and takes nothing new
    session.connected.set()
    await pausing
    assert session.sent == [f"{number}" for number in range(PREFETCH)]
    await here.until_count(here.topology.session_queue_name("s1"), 60 - PREFETCH)


async def test_presence_does_not_wait_behind_messages(shop: Backend, here: Consuming) -> None:
    session = here.manager.of(SessionId("s1"))
    session.connected.clear()
    for number in range(10):
        await shop.publish("message.send.v1", "s1", text(f"{number}"), reply=False)
    reply = await shop.ask("chat.presence.v1", "s1", {"to": "+15550001111", "state": "typing"})
    assert reply["type"] == "command.accepted.v1"
    assert session.sent == ["typing"]
    session.connected.set()


async def test_what_is_left_of_a_deleted_session_is_answered_before_its_queue_goes(
    shop: Backend, here: Consuming
) -> None:
    queues, session_id = here.consumers.session_queues, SessionId("s1")
    await queues.pause(session_id)
    waiting = [await shop.publish("message.send.v1", "s1", text(f"{number}")) for number in range(70)]
    del here.manager.sessions[session_id]
    await queues.delete(session_id)
    for command_id in waiting:
        assert (await shop.reply_to(command_id))["data"]["code"] == "session.not_found"
    assert (await shop.ask("message.send.v1", "s1", TEXT))["data"]["code"] == "session.not_found"
    await queues.delete(session_id)  # once more is no error
    with pytest.raises(AssertionError, match="gone"):
        await _exists(here, here.topology.session_queue_name("s1"))


async def test_a_worker_without_a_free_slot_takes_no_new_sessions(shop: Backend, here: Consuming) -> None:
    waiting = await shop.publish("session.create.v1", "new", CREATE)
    await shop.ask("session.describe.v1", "s1")
    assert here.manager.asked == [("describe", "s1")]
    here.consumers.capacity_changed(True)
    assert (await shop.reply_to(waiting))["type"] == "command.accepted.v1"
    here.consumers.capacity_changed(False)


async def test_stopping_gives_back_what_is_not_settled(services: PrivateServices, namespace: str) -> None:
    topology = Topology(namespace)
    async with consuming(services.amqp_url, topology, "s1") as first:
        async with backend(services.amqp_url, namespace) as shop:
            session = first.manager.of(SessionId("s1"))
            session.connected.clear()
            for number in range(60):
                await shop.publish("message.send.v1", "s1", text(f"{number}"), reply=False)
        await first.consumers.stop(grace=0.05)
        await first.until_count(topology.session_queue_name("s1"), 60)
    async with consuming(services.amqp_url, topology, "s1", worker_id="w2") as second:
        async with asyncio.timeout(60):
            await second.manager.of(SessionId("s1")).until_sent(60)
        assert second.manager.of(SessionId("s1")).sent == [f"{number}" for number in range(60)]


async def _exists(here: Consuming, queue: str) -> None:
    try:
        await here.count(queue)
    except Exception as error:
        raise AssertionError("gone") from error


async def test_whoever_opens_a_door_can_be_cancelled_at_any_moment(here: Consuming) -> None:
    """Also in the very moment in which the broker answers; and nobody then consumes the queue."""
    queues, session_id, chance = here.consumers.session_queues, SessionId("s9"), random.Random(9)
    await queues.declare(session_id)
    began = time.perf_counter()
    await queues.open(session_id)
    seconds = time.perf_counter() - began
    await queues.pause(session_id)

    async def keep() -> None:
        await queues.open(session_id)
        await asyncio.Event().wait()

    for _ in range(60):
        keeper = asyncio.create_task(keep())
        await asyncio.sleep(chance.uniform(0, seconds))
        keeper.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait({keeper})
        await queues.pause(session_id)
    channel = await here.link.channel(confirms=False)
    queue = here.topology.session(session_id).queues[0].name
    async with asyncio.timeout(60):
        while (await channel.queue_declare(queue, passive=True)).consumer_count:  # noqa: ASYNC110 (no event for it)
            await asyncio.sleep(0.05)
    await channel.close()
