"""What is written on a command in the dead queue, how it is read, and with which key it is redriven. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from consumers.delivery import Delivery
from consumers.fence import key_of_queue
from gateway_worker.broker.headers import HeaderValue
from schemas.errors import GatewayError
from schemas.names import WorkerId
from schemas.topology.channels import Topology

REDRIVEN: Final = "x-gateway-redriven"
"""Header that counts how often a person had a command tried again."""

_OURS: Final = "x-gateway-"
_CODE: Final = "x-gateway-code"
_COPIES: Final = frozenset({"CC", "BCC"})  # further routing keys, which the broker follows
_BROKERS: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterHeaders:
    """Why and whence a command came into the dead queue. `time` as text; `truncated_from`: bytes it once had."""

    code: str
    message: str
    queue: str
    exchange: str
    routing_key: str
    worker: str | None = None
    time: str | None = None
    truncated_from: int | None = None


def dead_letter_headers(
    delivery: Delivery, error: GatewayError, *, worker_id: WorkerId, now: datetime, truncated: bool
) -> dict[str, HeaderValue]:
    """The headers of a command that becomes a dead letter."""
    headers: dict[str, HeaderValue] = {
        _CODE: error.code,
        "x-gateway-message": error.message,
        "x-gateway-queue": delivery.queue,
        # what the broker took out of a queue says itself where it was published
        "x-gateway-exchange": delivery.headers.get("x-first-death-exchange", delivery.exchange),
        "x-gateway-routing-key": delivery.routing_key,
        "x-gateway-worker": worker_id,
        "x-gateway-time": now.isoformat().replace("+00:00", "Z"),
    }
    if delivery.expiration is not None:
        headers["x-gateway-expiration"] = delivery.expiration  # as a property it would end its stay in the dead queue
    if truncated:
        headers["x-gateway-truncated-from"] = len(delivery.body)
    return headers


def read_dead_letter_headers(headers: Mapping[str, Any]) -> DeadLetterHeaders:
    """What stands in the headers, whether we wrote it or the broker (its crash guard dead-letters on its own)."""
    if _CODE not in headers:
        return _by_the_broker(headers)
    truncated_from = headers.get("x-gateway-truncated-from")
    return DeadLetterHeaders(
        code=_text(headers, _CODE),
        message=_text(headers, "x-gateway-message"),
        queue=_text(headers, "x-gateway-queue"),
        exchange=str(headers.get("x-gateway-exchange", "")),
        routing_key=str(headers.get("x-gateway-routing-key", "")),
        worker=_text(headers, "x-gateway-worker"),
        time=_text(headers, "x-gateway-time"),
        truncated_from=truncated_from if isinstance(truncated_from, int) else None,
    )


def redriven_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers as the sender wrote them, and how often the command was redriven, this time included."""
    times = headers.get(REDRIVEN)
    ours = (_OURS, *_BROKERS)
    kept = {name: value for name, value in headers.items() if name not in _COPIES and not name.startswith(ours)}
    return {**kept, REDRIVEN: (times if isinstance(times, int) else 0) + 1}


def original_route(routing_key: str, headers: Mapping[str, Any], topology: Topology) -> str:
    """The key to publish it with again to the exchange of commands, so that it may do no more than it might before.

    Neither key nor exchange is taken from its headers, which its sender may have written. `routing_key` is the one with
    which it lies in the dead queue: whoever put it there kept it, and we put the key of its queue in place of a queue's
    name. Only the broker leaves that name.
    """
    return routing_key if _CODE in headers else key_of_queue(routing_key, topology)


def fingerprint(headers: Mapping[str, Any], body: bytes) -> str:
    """A name for a command that has none: the same as long as it lies there."""
    seed = f"{headers.get('x-gateway-time')}\0{headers.get('x-gateway-routing-key')}\0".encode()
    return f"~{hashlib.sha256(seed + body).hexdigest()[:12]}"


def _by_the_broker(headers: Mapping[str, Any]) -> DeadLetterHeaders:
    deaths = cast("list[dict[str, Any]]", headers.get("x-death") or [{}])
    death = deaths[0]
    keys = cast("list[object]", death.get("routing-keys") or [""])
    reason = str(death.get("reason") or headers.get("x-first-death-reason", _UNKNOWN))
    time = death.get("time")
    return DeadLetterHeaders(
        code=reason,
        message="RabbitMQ took it out of its queue: it was delivered again and again without an outcome.",
        queue=str(death.get("queue") or headers.get("x-first-death-queue", _UNKNOWN)),
        exchange=str(death.get("exchange") or headers.get("x-first-death-exchange", "")),
        routing_key=str(keys[0]),
        time=time.isoformat().replace("+00:00", "Z") if isinstance(time, datetime) else None,
    )


def _text(headers: Mapping[str, Any], name: str) -> str:
    return str(headers.get(name, _UNKNOWN))
