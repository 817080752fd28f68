"""The routing key names the subject, replies go to the sender's own queues, and nothing comes in by another way."""

import contextlib
from typing import Any

import pytest

from consumers.expired import Expired
from consumers.fence import Fence, ReplyQueues
from gateway_worker.broker.leniency import UNREADABLE
from schemas.commands.commands import parse_command
from schemas.errors import CommandForbidden, Origin
from schemas.topology.channels import Topology
from tests.support.consumers.consuming_harness import CREATE, DESCRIBE, Harness
from tests.support.consumers.fakes import body_of, delivery_of, text_message

LIST = body_of("session.list.v1", None, {})
CREATED = body_of("session.create.v1", "s9", CREATE)
WORKER = body_of("worker.describe.v1", "w1", {})
SEND = text_message("s1")
# Of a channel long gone
DIRECT = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA3NzczNzc4MAAAWBMAAAABaw2WJg==.MTt7Q1OSev9kr789gYBEmw=="


def test_what_only_the_owner_can_do_names_its_session_where_one_of_us_has_moved_it() -> None:
    fence, body = Fence(Topology("gateway")), body_of("session.passkey.confirm.v1", "s1", {"confirmed": True})
    queue = "gateway.worker.w1"
    moved = delivery_of(body, queue=queue, routing_key=queue, exchange="")
    fence.check(parse_command(body), moved)
    origin = Origin(type="session.passkey.confirm.v1", subject="s1")
    assert fence.audience(moved, origin).origin.subject == "s1"
    for other in (SEND, DESCRIBE):
        with pytest.raises(CommandForbidden):
            fence.check(parse_command(other), delivery_of(other, queue=queue, routing_key=queue, exchange=""))
    with pytest.raises(CommandForbidden):  # by somebody who may publish to this worker alone
        fence.check(parse_command(body), delivery_of(body, queue=queue, routing_key="worker.w1"))


@pytest.mark.parametrize(
    ("key", "bodies"),
    [
        ("control", [SEND, DESCRIBE, LIST, CREATED, WORKER]),
        ("control.s1", [SEND, DESCRIBE]),
        ("session.s1", [SEND, DESCRIBE]),
        ("sessions.create.s1", [SEND, DESCRIBE]),
        ("sessions.create", [CREATED]),
        ("sessions.create.s9", [CREATED]),
        ("control.s9", [CREATED]),
        ("worker.w1", [WORKER]),
        ("session.w1", []),
        ("control.w1", [WORKER]),
        ("worker.s1", []),
        ("control.s1.s1", []),
        ("control.", []),
        ("session", []),
        ("worker", []),
        ("Session.s1", []),
        ("session.s1 ", []),
        ("session.*", []),
        ("session.#", []),
        ("#", []),
        ("", []),
        ("gateway.control", []),
        ("gateway.session.s1", []),
    ],
)
def test_a_key_allows_what_it_names(key: str, bodies: list[bytes]) -> None:
    fence = Fence(Topology("gateway"))
    allowed: list[bytes] = []
    for body in (SEND, DESCRIBE, LIST, CREATED, WORKER):
        with contextlib.suppress(CommandForbidden):
            fence.check(parse_command(body), delivery_of(body, queue="gateway.control", routing_key=key))
            allowed.append(body)
    assert allowed == bodies


@pytest.mark.parametrize("queue", ["sessions", "control", "session.s2", "worker.w1", "unroutable", "expired"])
async def test_a_command_with_anothers_key_is_forbidden_in_every_queue(harness: Harness, queue: str) -> None:
    is_expired = queue == "expired"
    dead = {"x-first-death-reason": "expired", "x-first-death-exchange": "gateway.commands"}
    delivery = delivery_of(
        SEND,
        queue=f"gateway.{queue}",
        exchange="gateway.expired" if is_expired else "gateway.commands",
        routing_key="session.s2",
        receiver=harness.receiver,
        reply_to="me",
        headers=dead if is_expired else {},
    )
    receive = Expired(manager=harness.manager).receive if is_expired else harness.dispatcher.receive
    await harness.settler.settle(delivery, receive)
    assert harness.codes == ["command.forbidden"]
    ((message, headers),) = harness.publisher.dead_letters
    assert (message.routing_key, headers["x-gateway-code"]) == ("session.s2", "command.forbidden")
    assert harness.publisher.forwarded == []
    assert harness.manager.asked == []
    assert harness.receiver.acked == [1]


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({"exchange": "", "routing_key": "gateway.session.s1"}, True),  # moved by us
        ({"exchange": "", "routing_key": "gateway.control"}, True),
        ({"exchange": "", "routing_key": "gateway.session.s2"}, False),
        ({"exchange": "", "routing_key": "gateway.sessions"}, False),
        ({"exchange": "", "routing_key": "gateway.unroutable"}, False),
        ({"exchange": "tenants.own", "routing_key": "session.s1"}, False),
        ({"exchange": "gateway.events", "routing_key": "control"}, False),
        ({"exchange": "gateway.unroutable", "routing_key": "session.s1"}, False),
        ({"exchange": "gateway.expired", "routing_key": "session.s1"}, False),
        ({"headers": {"x-first-death-queue": "tenants.own"}}, False),
        ({"header_names": frozenset({"x-death"})}, False),
        ({"header_names": frozenset({UNREADABLE})}, False),
        ({"headers": {"x-gateway-forwarded": 1}, "routing_key": "session.s2"}, False),
    ],
)
def test_only_a_key_that_the_broker_has_checked_counts(more: dict[str, Any], allowed: bool) -> None:  # noqa: FBT001 (a table's column)
    delivery = delivery_of(SEND, queue="gateway.session.s1", **more)
    if allowed:
        Fence(Topology("gateway")).check(parse_command(SEND), delivery)
    else:
        with pytest.raises(CommandForbidden):
            Fence(Topology("gateway")).check(parse_command(SEND), delivery)


@pytest.mark.parametrize(("key", "allowed"), [("session.control", True), ("session.session.control", True)])
def test_a_namespace_may_be_called_like_a_queue(key: str, allowed: bool) -> None:  # noqa: FBT001 (a table's column)
    fence = Fence(Topology("session"))
    dead = {"x-first-death-exchange": "session.commands"}
    of_control = text_message("control")
    expired = delivery_of(
        of_control, queue="session.expired", exchange="session.expired", routing_key=key, headers=dead
    )
    fence.check(parse_command(of_control), expired)
    with pytest.raises(CommandForbidden):
        fence.check(parse_command(SEND), expired)
    assert allowed


@pytest.mark.parametrize(
    ("queue", "in_any", "in_owned"),
    [
        (DIRECT, True, True),
        (DIRECT.rpartition(".")[0], False, False),
        ("amq.rabbitmq.reply-to", False, False),
        ("amq.rabbitmq.reply-to.", False, False),
        ("amq.rabbitmq.reply-to.somebody", False, False),
        ("amq.gen-Xa2", True, True),
        ("amq_0123456789abcdef0123456789abcdef", True, True),
        ("gateway-backend.replies.1", True, True),
        ("gateway-tenant.s.replies", True, True),
        ("gateway-tenant.s1.replies", True, True),
        ("my-replies", True, False),
        ("gateway-tenant.other-.replies", False, False),
        ("gateway-tenant..replies", False, False),
        ("gateway-tenant.s", False, False),
        ("gateway.session.s1", False, False),
        ("gateway.session.other", False, False),
        ("gateway.worker.w1", False, False),
        ("gateway.control", False, False),
        ("gateway.sessions", False, False),
        ("gateway.unroutable", False, False),
        ("gateway.expired", False, False),
        ("gateway.dead", False, False),
        ("gateway.backend", False, False),
        ("gateway.replies", True, False),
        ("gateway.reply.backend-1", True, False),
        ("gateway.replying", False, False),
        ("gateway.not-yet-thought-of", False, False),
        ("shop-events", False, False),  # GATEWAY_BACKEND_QUEUE
        ("amq.topic", False, False),
    ],
)
def test_replies_go_to_queues_of_the_senders(queue: str, *, in_any: bool, in_owned: bool) -> None:
    for replies, expected in ((ReplyQueues.ANY, in_any), (ReplyQueues.OWNED, in_owned)):
        fence = Fence(Topology("gateway", "shop-events"), replies)
        delivery = delivery_of(SEND, queue="gateway.session.s1", routing_key="session.s1", reply_to=queue)
        command = parse_command(SEND)
        if expected:
            fence.check(command, delivery)
        else:
            with pytest.raises(CommandForbidden) as refused:
                fence.check(command, delivery)
            assert refused.value.detail == {"because": "replyTo"}
        assert fence.audience(delivery, command.envelope.origin).reply_to == (queue if expected else None)


async def test_a_command_whose_reply_would_go_to_anothers_queue_is_told_as_an_event(harness: Harness) -> None:
    await harness.settle(text_message("s1"), queue="gateway.session.s1", reply_to="gateway.session.s2")
    (event,) = harness.publisher.events
    assert (event.subject, event.data["code"]) == ("s1", "command.forbidden")
    assert (harness.publisher.replies, harness.manager.of("s1").sent) == ([], [])  # pyright: ignore[reportArgumentType] (an id)


@pytest.mark.parametrize("body", [SEND, b'{"subject": "s1", "id": "1"}', b"no command"])
@pytest.mark.parametrize("reply_to", [None, "gateway.backend"])
async def test_what_is_refused_is_told_to_its_sender_and_not_to_the_one_it_named(
    harness: Harness, body: bytes, reply_to: str | None
) -> None:
    await harness.settle(body, queue="gateway.session.s2", routing_key="session.s2", reply_to=reply_to)
    (event,) = harness.publisher.events
    assert event.subject == "s2"
    assert harness.publisher.replies == []


@pytest.mark.parametrize("key", ["nowhere", "sessions.create.s1.x"])
async def test_what_names_nobody_is_told_to_nobody_in_particular(harness: Harness, key: str) -> None:
    await harness.settle(SEND, queue="gateway.unroutable", routing_key=key, reply_to=None)
    (event,) = harness.publisher.events
    assert (event.subject, event.data["code"]) == (None, "command.forbidden")


async def test_an_event_that_came_in_as_a_command_makes_no_further_event(harness: Harness) -> None:
    await harness.settle(
        b"{}", queue="gateway.unroutable", exchange="gateway.events", routing_key="command.rejected.s1", reply_to=None
    )
    assert harness.publisher.events == []
    assert len(harness.publisher.dead_letters) == 1


CONFIRM = body_of("session.passkey.confirm.v1", "s1", {"confirmed": True})
TENANTS_WORKER = body_of("worker.describe.v1", "acme1", {})


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (SEND, {"queue": "gateway.expired", "headers": {"x-first-death-exchange": "tenants.own"}}),
        (SEND, {"queue": "gateway.session.s1", "headers": {"x-first-death-exchange": "gateway.commands"}}),
        (CONFIRM, {"queue": "gateway.session.s2", "exchange": "", "routing_key": "gateway.session.s2"}),
        (
            TENANTS_WORKER,
            {
                "queue": "gateway.worker.acme1",
                "exchange": "gateway.commands",
                "routing_key": "worker.acme1",
                "reply_to": f"{Topology('gateway').tenants}acme.replies",
            },
        ),
    ],
    ids=["died elsewhere", "expired and not where what expired lies", "moved to another session", "a worker's tenant"],
)
def test_a_way_that_only_looks_like_one_of_ours_is_forbidden(body: bytes, more: dict[str, Any]) -> None:
    way: dict[str, Any] = {"exchange": "gateway.expired", "routing_key": "session.s1", **more}
    delivery = delivery_of(body, **way)
    with pytest.raises(CommandForbidden):
        Fence(Topology("gateway")).check(parse_command(body), delivery)


@pytest.mark.parametrize(
    ("exchange", "key", "origin", "subject"),
    [
        ("gateway.commands", "session.s1", Origin(type="message.send.v1", subject="s1"), "s1"),
        ("gateway.commands", "session", Origin(type="message.send.v1", subject="s1"), None),
        ("gateway.commands", "sessions.create", Origin(type="session.create.v1", subject="s1"), "s1"),
        ("gateway.commands", "sessions.create", Origin(type="session.describe.v1", subject="s1"), None),
        ("tenants.own", "session.s1", Origin(type="message.send.v1", subject="s1"), None),
        ("", "gateway.worker.w1", Origin(type="session.passkey.confirm.v1", subject="s1"), "s1"),
        ("", "gateway.worker.w1", Origin(type="message.send.v1", subject="s1"), "w1"),
    ],
)
def test_a_sender_is_quoted_about_what_its_key_names(
    exchange: str, key: str, origin: Origin, subject: str | None
) -> None:
    delivery = delivery_of(SEND, queue="gateway.session.s1", exchange=exchange, routing_key=key)
    assert Fence(Topology("gateway")).audience(delivery, origin).origin.subject == subject
