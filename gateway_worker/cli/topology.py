"""``gateway-worker topology``: what a worker declares at the broker, for people and for RabbitMQ's import."""

import io
import json

from rich.console import Console
from rich.table import Table

from schemas.topology.channels import Topology
from schemas.topology.definitions import definitions, tenant_definitions


def definitions_text(namespace: str, backend_queue: str | None) -> str:
    """A RabbitMQ definitions file, as JSON."""
    return json.dumps(definitions(Topology(namespace, backend_queue)), indent=2)


def tenant_text(namespace: str, prefix: str) -> str:
    """A RabbitMQ definitions file with one more user, for the sessions whose ids begin with `prefix`, as JSON."""
    return json.dumps(tenant_definitions(Topology(namespace), prefix), indent=2)


def topology_text(namespace: str, backend_queue: str | None) -> str:
    """Exchanges, queues and bindings as tables."""
    topology = Topology(namespace, backend_queue)
    plan = topology.whole()
    exchanges = Table("exchange", "type", "arguments", title="exchanges", title_justify="left")
    for exchange in plan.exchanges:
        exchanges.add_row(exchange.name, exchange.kind, json.dumps(dict(exchange.arguments)))
    queues = Table("queue", "arguments", title="queues", title_justify="left")
    for queue in (*plan.queues, *topology.marks().queues):
        queues.add_row(queue.name, json.dumps(dict(queue.arguments)))
    bindings = Table("exchange", "routing key", "queue", title="bindings", title_justify="left")
    for binding in plan.bindings:
        bindings.add_row(binding.exchange, binding.routing_key, binding.queue)
    text = io.StringIO()
    paper = Console(width=160, color_system=None, file=text)
    for table in (exchanges, queues, bindings):
        paper.print(table)
    return text.getvalue()
