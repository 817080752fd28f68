"""Declares a plan of exchanges, queues and bindings at the broker. Idempotent."""

from typing import Final

from aiormq.channel import Channel

from gateway_worker.broker.errors import BrokerLost, QueueMissing, TopologyMismatch, translated
from schemas.topology.channels import Exchange, Plan, Queue

ANSWER_SECONDS: Final = 30.0


async def declare(channel: Channel, plan: Plan) -> None:
    """Declare everything in `plan`, in its order. A call that is not answered in 30 s counts as lost.

    Raises:
        TopologyMismatch: something of that name exists with other arguments; the message says what to do.
        BrokerLost: ask for another channel and declare again; also when somebody removed meanwhile what was declared.
    """
    for exchange in plan.exchanges:
        await _declare_exchange(channel, exchange)
    for queue in plan.queues:
        await _declare_queue(channel, queue)
    try:
        for binding in plan.bindings:
            with translated():
                await channel.queue_bind(
                    binding.queue, binding.exchange, routing_key=binding.routing_key, timeout=ANSWER_SECONDS
                )
    except QueueMissing as error:  # it was just declared: somebody has removed it since
        raise BrokerLost(str(error)) from error


async def _declare_exchange(channel: Channel, exchange: Exchange) -> None:
    try:
        with translated():
            await channel.exchange_declare(
                exchange.name,
                exchange_type=exchange.kind,
                durable=True,
                arguments=dict(exchange.arguments),
                timeout=ANSWER_SECONDS,
            )
    except TopologyMismatch as error:
        raise TopologyMismatch(_advice("exchange", exchange.name, error)) from error


async def _declare_queue(channel: Channel, queue: Queue) -> None:
    try:
        with translated():
            await channel.queue_declare(
                queue.name, durable=True, arguments=dict(queue.arguments), timeout=ANSWER_SECONDS
            )
    except TopologyMismatch as error:
        raise TopologyMismatch(_advice("queue", queue.name, error)) from error


def _advice(kind: str, name: str, error: TopologyMismatch) -> str:
    return (
        f"The {kind} {name!r} cannot be declared as the gateway needs it ({error}). If it is an old one, let it run "
        f"empty and delete it (`rabbitmqctl delete_queue {name}` for a queue); if it belongs to something else, choose "
        "another GATEWAY_NAMESPACE; if access was refused, see `gateway-worker topology --definitions`."
    )
