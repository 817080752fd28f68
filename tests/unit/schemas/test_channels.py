"""The topology as the contract draws it."""

import re
from typing import Any

import pytest

from schemas.commands.commands import CommandQueue
from schemas.topology.channels import DEAD_TTL, Topology
from schemas.topology.definitions import definitions, tenant_definitions


def test_names_follow_the_namespace() -> None:
    plan = Topology("acme", "acme.backend").whole()
    names = [exchange.name for exchange in plan.exchanges] + [queue.name for queue in plan.queues]
    assert all(name.startswith("acme.") for name in names)


def test_every_queue_is_a_quorum_queue_with_a_delivery_limit() -> None:
    for queue in Topology("gateway", "gateway.backend").whole().queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert "x-delivery-limit" in queue.arguments


def test_dead_lettering_never_falls_back_to_at_most_once() -> None:
    for queue in Topology().whole().queues:
        if "x-dead-letter-exchange" in queue.arguments:
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert queue.arguments["x-overflow"] == "reject-publish"


def test_a_sessions_queue_is_as_the_contract_says() -> None:
    (queue,) = Topology().session("user123-personal").queues
    assert queue.name == "gateway.session.user123-personal"
    assert queue.arguments["x-single-active-consumer"] is True
    assert queue.arguments["x-max-length"] == 10_000
    assert queue.arguments["x-delivery-limit"] == 100
    assert queue.arguments["x-dead-letter-exchange"] == "gateway.expired"


def test_the_fleets_queue_is_read_one_at_a_time() -> None:
    queues = {queue.name: queue for queue in Topology().fleet().queues}
    assert queues["gateway.sessions"].prefetch == 1
    assert queues["gateway.dead"].arguments["x-message-ttl"] == DEAD_TTL == 14 * 86_400_000
    assert "gateway.backend" not in queues


def test_bindings_name_what_is_declared() -> None:
    plan = Topology("gateway", "gateway.backend").whole()
    assert {binding.exchange for binding in plan.bindings} <= {exchange.name for exchange in plan.exchanges}
    assert {binding.queue for binding in plan.bindings} == {queue.name for queue in plan.queues}


@pytest.mark.parametrize(
    ("queue", "subject", "key"),
    [
        (CommandQueue.SESSIONS, "s", "sessions.create"),
        (CommandQueue.CONTROL, "s", "control.s"),
        (CommandQueue.CONTROL, None, "control"),
        (CommandQueue.SESSION, "s", "session.s"),
        (CommandQueue.WORKER, "w", "worker.w"),
    ],
)
def test_routing_keys_lead_to_the_queues(queue: CommandQueue, subject: str | None, key: str) -> None:
    assert Topology.routing_key(queue, subject) == key


def test_one_sessions_queue_needs_a_session() -> None:
    with pytest.raises(ValueError, match="needs a subject"):
        Topology.routing_key(CommandQueue.SESSION, None)


def permissions(user: str) -> dict[str, Any]:
    (found,) = [each for each in definitions(Topology("gw", "gw.backend"))["permissions"] if each["user"] == user]
    return found


def allows(user: str, what: str, name: str) -> bool:
    return re.search(permissions(user)[what], name) is not None


def test_a_backend_may_publish_commands_and_read_events_and_no_more() -> None:
    assert allows("gw-backend", "write", "gw.commands")
    assert allows("gw-backend", "read", "gw.backend")
    assert allows("gw-backend", "read", "gw.events")
    assert allows("gw-backend", "configure", "amq.gen-abc")
    for name in ("gw.events", "gw.dead", "gw.session.s", "gw.control", "amq.default", "other"):
        assert not allows("gw-backend", "write", name)
    for name in ("gw.dead", "gw.session.s", "gw.commands"):
        assert not allows("gw-backend", "read", name)
    assert not allows("gw-backend", "configure", "gw.commands")


def test_the_console_may_besides_take_the_dead_queues_in_hand_and_nothing_else() -> None:
    for name in ("gw.commands", "gw-backend.webhooks"):
        assert allows("gw-console", "write", name)
    for name in ("gw.dead", "gw-backend.webhooks-dead"):
        assert allows("gw-console", "configure", f"{name}.desk")
    for name in ("gw.events", "gw.dead", "gw-backend.webhooks-dead", "amq.gen-abc"):
        assert allows("gw-console", "read", name)
    for name in ("gw.events", "gw.dead", "gw.session.s", "gw.control", "amq.default"):
        assert not allows("gw-console", "write", name)
    for name in ("gw.backend", "gw.session.s", "gw.commands", "gw.marks", "gw-backend.webhooks.shop"):
        assert not allows("gw-console", "read", name)
    for name in ("gw.dead", "gw.commands", "gw-backend.events"):
        assert not allows("gw-console", "configure", name)


def test_a_worker_may_touch_only_its_namespace() -> None:
    assert allows("gw-worker", "configure", "gw.session.s")
    assert allows("gw-worker", "write", "amq.default")
    assert not allows("gw-worker", "configure", "gw-backend.events")
    assert not allows("gw-worker", "read", "other.commands")


def test_no_password_stands_in_the_definitions() -> None:
    assert all(user["password_hash"] == "" for user in definitions(Topology())["users"])


@pytest.mark.parametrize("prefix", ["acme-", "a", "a_b-", "-"])
def test_a_tenants_patterns_cover_its_prefix_and_no_more(prefix: str) -> None:
    printed = tenant_definitions(Topology("gw"), prefix)
    (commands, events) = printed["topic_permissions"]
    for key in (f"session.{prefix}1", f"control.{prefix}", f"sessions.create.{prefix}1"):
        assert re.search(commands["write"], key)
    for key in ("control", "sessions.create", "#", f"session.x{prefix}1", f"session.{prefix}.b", f"worker.{prefix}1"):
        assert not re.search(commands["write"], key)
    for key in (f"#.{prefix}1", f"*.*.{prefix}1", f"message.status.{prefix}1"):
        assert re.search(events["read"], key)
    for key in ("#", "*.*.*", f"#.x{prefix}1", f"#.{prefix}1.#", f"#.{prefix}*", f"message.status.{prefix}#"):
        assert not re.search(events["read"], key)
    (rights,) = printed["permissions"]
    for queue in printed["queues"]:
        assert re.search(rights["read"], queue["name"])
        assert not re.search(rights["configure"], queue["name"])
    assert not re.search(rights["read"], f"gw-tenant.{prefix}x.events")


def test_a_backend_and_the_console_may_use_every_key_of_the_contract() -> None:
    for asks in definitions(Topology("gw"))["topic_permissions"]:
        for key in ("sessions.create", "sessions.create.s", "control", "control.s", "session.s", "worker.w"):
            assert re.search(asks["write"], key)
