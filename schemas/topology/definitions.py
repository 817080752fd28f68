"""RabbitMQ definitions files: the fleet's topology with three users of least rights, and a tenant's user. Pure.

The users carry an empty password hash, with which RabbitMQ lets nobody in: after the import,
``rabbitmqctl change_password <user> <password>``. Permissions, as RabbitMQ checks them: to declare needs *configure* on
the name, and for a queue's dead-letter exchange *read* on the queue and *write* on the exchange, for an alternate
exchange likewise; to bind, *write* on the queue and *read* on the exchange; to publish, *write* on the exchange
(``amq.default`` is the nameless one that replies go through); to consume, *read* on the queue.

Topic permissions are checked on the routing key of a publish (*write*) and of a binding (*read*), and nowhere else:
whoever may *configure* an exchange, or a queue with a dead-letter exchange, can have the broker publish for him with
any key. Hence a tenant may configure nothing but queues that the broker names, its other queues come with the
definitions, and the worker refuses what came by such a way (`consumers.fence`).
"""

import re
from typing import Any

from schemas.topology.channels import Plan, Topology

_OWN_QUEUES = r"amq\.gen-.*"  # queues the broker names, e.g. for replies


def definitions(topology: Topology, vhost: str = "/") -> dict[str, Any]:
    """The definitions as JSON. Queues of sessions and workers are missing: workers declare them as they come."""
    plan = topology.fleet()
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(f"{topology.namespace}-{name}") for name in ("worker", "backend", "console")],
        "permissions": [_worker_may(topology, vhost), _backend_may(topology, vhost), _console_may(topology, vhost)],
        "topic_permissions": [_may_ask(topology, name, vhost) for name in ("backend", "console")],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": dict(exchange.arguments),
            }
            for exchange in plan.exchanges
        ],
        "queues": _queues(plan, vhost),
        "bindings": [
            {
                "source": binding.exchange,
                "vhost": vhost,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for binding in plan.bindings
        ],
    }


def tenant_definitions(topology: Topology, prefix: str, vhost: str = "/") -> dict[str, Any]:
    """A user for the sessions whose ids begin with `prefix`, and the queues in which it hears of them.

    It binds its event queue itself, session by session (``#.<sessionId>``): a binding cannot name a part of a word.
    """
    name = f"{topology.namespace}-tenant-{prefix}"
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(name)],
        "permissions": [_tenant_may(topology, name, prefix, vhost)],
        "topic_permissions": [{"user": name, "vhost": vhost, **rights} for rights in _tenant_rights(topology, prefix)],
        "queues": _queues(topology.tenant(prefix), vhost),
    }


def _queues(plan: Plan, vhost: str) -> list[dict[str, Any]]:
    return [
        {
            "name": queue.name,
            "vhost": vhost,
            "durable": True,
            "auto_delete": False,
            "arguments": dict(queue.arguments),
        }
        for queue in plan.queues
    ]


def _tenant_may(topology: Topology, user: str, prefix: str, vhost: str) -> dict[str, str]:
    own = rf"{_OWN_QUEUES}|{re.escape(topology.tenant_own(prefix))}.*"
    return {
        "user": user,
        "vhost": vhost,
        "configure": rf"^{_OWN_QUEUES}$",
        "write": rf"^({re.escape(topology.commands)}|{own})$",
        "read": rf"^({re.escape(topology.events)}|{own})$",
    }


def _tenant_rights(topology: Topology, prefix: str) -> list[dict[str, str]]:
    session = rf"{re.escape(prefix)}[A-Za-z0-9_-]*"
    return [
        {
            "exchange": topology.commands,
            "write": rf"^(sessions\.create|control|session)\.{session}$",
            "read": "",
        },
        {
            "exchange": topology.events,
            "write": "",
            "read": rf"^(#|[a-z*]+\.[a-z*]+)\.{session}$",
        },
    ]


def _user(name: str) -> dict[str, Any]:
    return {"name": name, "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}


def _worker_may(topology: Topology, vhost: str) -> dict[str, str]:
    ours = rf"{re.escape(topology.namespace)}\..*"
    if topology.backend_queue is not None:
        ours = rf"({ours}|{re.escape(topology.backend_queue)})"
    return {
        "user": f"{topology.namespace}-worker",
        "vhost": vhost,
        "configure": rf"^{ours}$",
        "write": rf"^({ours}|amq\.default)$",
        "read": rf"^{ours}$",
    }


def _backend_may(topology: Topology, vhost: str) -> dict[str, str]:
    """Publish commands, consume the default event queue, and have queues of its own for events and replies."""
    own = rf"{_OWN_QUEUES}|{re.escape(topology.namespace)}-backend\..*"
    readable = [re.escape(name) for name in (topology.events, topology.backend_queue) if name is not None]
    return {
        "user": f"{topology.namespace}-backend",
        "vhost": vhost,
        "configure": rf"^({own})$",
        "write": rf"^({re.escape(topology.commands)}|{own})$",
        "read": rf"^({'|'.join(readable)}|{own})$",
    }


def _console_may(topology: Topology, vhost: str) -> dict[str, str]:
    """Publish commands, hear events in queues that the broker names, and take the dead queues in hand."""
    webhooks = f"{topology.backend_own}webhooks"
    dead = rf"{re.escape(topology.dead)}|{re.escape(f'{webhooks}-dead')}"
    return {
        "user": f"{topology.namespace}-console",
        "vhost": vhost,
        "configure": rf"^({_OWN_QUEUES}|({dead})\.desk)$",
        "write": rf"^({re.escape(topology.commands)}|{re.escape(webhooks)}|{_OWN_QUEUES})$",
        "read": rf"^({re.escape(topology.events)}|{dead}|{_OWN_QUEUES})$",
    }


def _may_ask(topology: Topology, name: str, vhost: str) -> dict[str, str]:
    return {
        "user": f"{topology.namespace}-{name}",
        "vhost": vhost,
        "exchange": topology.commands,
        "write": r"^(sessions\.create(\.[^.]+)?|control(\.[^.]+)?|session\.[^.]+|worker\.[^.]+)$",
        "read": "",
    }
