"""The queues and exchanges of webhooks, all under the names that a backend's user may declare. Pure.

| name | for |
|---|---|
| ``<ns>-backend.webhooks.<target>`` | a target's events |
| ``<ns>-backend.webhooks.<target>.again`` | what a person has redriven to it |
| ``<ns>-backend.webhooks.<target>.parked.<line>`` | those behind one event that is tried again and again |
| ``<ns>-backend.webhooks`` | exchange, direct: by the part behind it to one of these queues |
| ``<ns>-backend.webhooks-dead`` | exchange and queue: what was given up, or waited for too long |
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from schemas.topology.channels import (
    BACKEND_QUEUE_BYTES,
    BACKEND_TTL,
    DEAD_TTL,
    NO_LIMIT,
    Arguments,
    Exchange,
    Plan,
    Queue,
    Topology,
)

EXPIRES: Final = timedelta(days=14)
"""A queue that nobody has consumed for so long is of a target that is no more."""

_SECOND: Final = timedelta(milliseconds=1)
_DURABLE: Final[dict[str, str | int | bool]] = {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}


class WebhookNames:
    """Names under one namespace."""

    def __init__(self, topology: Topology) -> None:
        self.exchange = f"{topology.backend_own}webhooks"
        self.dead = f"{topology.backend_own}webhooks-dead"

    def queue(self, route: str) -> str:
        """The queue that `exchange` leads to with that routing key."""
        return f"{self.exchange}.{route}"

    @staticmethod
    def again(target: str) -> str:
        """The route of what was redriven."""
        return f"{target}.again"

    @staticmethod
    def parked(target: str, line: str) -> str:
        """The route of a line that is parked."""
        return f"{target}.parked.{line}"

    def redriven_to(self, headers: Mapping[str, Any]) -> str | None:
        """The route back of what lies in `dead`, whether we put it there or the broker; None: it is unknown."""
        queue = str(headers.get("x-gateway-queue") or headers.get("x-first-death-queue") or "")
        target = queue.removeprefix(f"{self.exchange}.").partition(".")[0]
        return self.again(target) if queue.startswith(f"{self.exchange}.") else None

    def plan(self) -> Plan:
        """What all targets share."""
        arguments = _DURABLE | {
            "x-message-ttl": DEAD_TTL,
            "x-max-length-bytes": BACKEND_QUEUE_BYTES,
            "x-overflow": "drop-head",
        }
        return Plan(
            exchanges=(Exchange(name=self.exchange, kind="direct"), Exchange(name=self.dead, kind="fanout")),
            queues=(Queue(name=self.dead, arguments=arguments),),
        )

    def waiting_arguments(self) -> Arguments:
        """Of a queue of events that are yet to be told: what is over lies in `dead` then."""
        return _DURABLE | {
            "x-max-length-bytes": BACKEND_QUEUE_BYTES,
            "x-overflow": "drop-head",
            "x-message-ttl": BACKEND_TTL,
            "x-dead-letter-exchange": self.dead,
            "x-expires": EXPIRES // _SECOND,
            "x-single-active-consumer": True,
        }
