"""The AMQP topology (contract, section 1) as data: every name, and what to declare for it. Pure.

Facts behind the arguments (RabbitMQ 3.10 to 4.x):

- Every queue is a quorum queue. 4.x drops a message after 20 deliveries unless told otherwise, so each has a delivery
  limit: `DELIVERY_LIMIT` where we answer for it afterwards, `NO_LIMIT` where people read at their own pace.
- ``at-least-once`` dead-lettering needs ``x-overflow: reject-publish``; without it the broker falls back in silence.
- A message that ran out of time or of deliveries keeps its routing key when it is dead-lettered, and says which of the
  two in its ``x-first-death-reason`` header (``expired``, ``delivery_limit``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.commands.commands import CommandQueue

DELIVERY_LIMIT: Final = 100
NO_LIMIT: Final = 1_000_000_000  # 3.10 knows no "unlimited" but leaving it out, which 4.x reads as 20
SESSION_QUEUE_LENGTH: Final = 10_000
BACKEND_QUEUE_BYTES: Final = 1024**3
DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"
"""A connection of one's own for replies; commands arrive with a name that begins so, and goes on after it."""
_SECOND: Final = 1000  # RabbitMQ counts in milliseconds
_MINUTE: Final = 60 * _SECOND
DAY: Final = 24 * 60 * _MINUTE
WORKER_QUEUE_EXPIRES: Final = 10 * _MINUTE
WORKER_QUEUE_TTL: Final = 9 * _MINUTE  # before the queue goes, and in silence all that is in it
DEAD_TTL: Final = 14 * DAY
BACKEND_TTL: Final = 7 * DAY

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A durable exchange; `kind` is ``topic``, ``fanout`` or ``direct``."""

    name: str
    kind: str
    arguments: Arguments = field(default_factory=dict[str, str | int | bool])


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A durable queue. `prefetch`: how many deliveries a consumer of ours holds at a time; None: we consume none."""

    name: str
    arguments: Arguments
    prefetch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Messages of `exchange` with `routing_key` go to `queue`."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to declare, in this order: exchanges, queues, bindings. Declaring it again changes nothing."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()


class Topology:
    """Every name under one namespace.

    Args:
        namespace: the first part of every name, ``gateway`` by default.
        backend_queue: the default event queue; None declares none, so a backend must have bound its own.
    """

    def __init__(self, namespace: str = "gateway", backend_queue: str | None = None) -> None:
        self.namespace = namespace
        self.backend_queue = backend_queue
        self.commands = f"{namespace}.commands"
        self.events = f"{namespace}.events"
        self.unroutable = f"{namespace}.unroutable"  # an exchange and its queue
        self.expired = f"{namespace}.expired"  # an exchange and its queue
        self.dead = f"{namespace}.dead"  # an exchange and its queue
        self.sessions_queue = f"{namespace}.sessions"
        self.control_queue = f"{namespace}.control"
        self.marks_queue = f"{namespace}.marks"
        self.backend_own = f"{namespace}-backend."  # what names of queues of the backend's begin with
        self.tenants = f"{namespace}-tenant."  # and of tenants, each followed by its prefix and another dot

    def tenant_own(self, prefix: str) -> str:
        """What the names of queues begin with that belong to the tenant whose session ids begin with `prefix`."""
        return f"{self.tenants}{prefix}."

    def session_queue_name(self, session_id: str) -> str:
        """``gateway.session.<sessionId>``."""
        return f"{self.namespace}.session.{session_id}"

    def worker_queue_name(self, worker_id: str) -> str:
        """``gateway.worker.<workerId>``."""
        return f"{self.namespace}.worker.{worker_id}"

    def is_own_queue(self, name: str) -> bool:
        """Whether a queue of this name is one that workers declare, of whichever session or worker."""
        fleet = {self.sessions_queue, self.control_queue, self.marks_queue, self.unroutable, self.expired, self.dead}
        return name in fleet or name.startswith((self.session_queue_name(""), self.worker_queue_name("")))

    @staticmethod
    def routing_key(queue: CommandQueue, subject: str | None) -> str:
        """The routing key on `commands` of a command at its right queue.

        Raises:
            ValueError: the queue is one session's or one worker's, and there is no subject.
        """
        match queue, subject:
            case CommandQueue.SESSIONS, _:
                return "sessions.create"
            case CommandQueue.CONTROL, None:
                return "control"
            case _, None:
                raise ValueError(f"a command for the queue {queue} needs a subject")
            case _, _:
                return f"{queue}.{subject}"

    def fleet(self) -> Plan:
        """What every worker declares at start."""
        exchanges = (
            Exchange(name=self.unroutable, kind="fanout"),
            Exchange(name=self.expired, kind="fanout"),
            Exchange(name=self.dead, kind="fanout"),
            Exchange(name=self.commands, kind="topic", arguments={"alternate-exchange": self.unroutable}),
            Exchange(name=self.events, kind="topic"),
        )
        queues = (
            self._command_queue(self.sessions_queue, prefetch=1),
            self._command_queue(self.control_queue, prefetch=50),
            _answered_queue(self.unroutable, dead=self.dead),
            _answered_queue(self.expired, dead=self.dead),
            Queue(name=self.dead, arguments=_quorum(NO_LIMIT) | {"x-message-ttl": DEAD_TTL}),
            *self._backend_queues(),
        )
        bindings = (
            Binding(exchange=self.commands, queue=self.sessions_queue, routing_key="sessions.create"),
            Binding(exchange=self.commands, queue=self.sessions_queue, routing_key="sessions.create.*"),
            Binding(exchange=self.commands, queue=self.control_queue, routing_key="control.#"),
            *(
                Binding(exchange=name, queue=name, routing_key="")
                for name in (self.unroutable, self.expired, self.dead)
            ),
            *(Binding(exchange=self.events, queue=queue.name, routing_key="#") for queue in self._backend_queues()),
        )
        return Plan(exchanges=exchanges, queues=queues, bindings=bindings)

    def marks(self) -> Plan:
        """Where workers write down how the database stands; only the newest such mark is kept.

        It is made by the first worker, not imported: a broker that has it has known a database before.
        """
        arguments = _quorum(NO_LIMIT) | {"x-max-length": 1, "x-overflow": "drop-head"}
        return Plan(queues=(Queue(name=self.marks_queue, arguments=arguments),))

    def session(self, session_id: str) -> Plan:
        """What a session's owner declares; `commands` must exist."""
        queue = self._command_queue(
            self.session_queue_name(session_id),
            prefetch=50,
            more={"x-single-active-consumer": True, "x-max-length": SESSION_QUEUE_LENGTH},
        )
        return self._bound(queue, self.routing_key(CommandQueue.SESSION, session_id))

    def worker(self, worker_id: str) -> Plan:
        """What a worker declares for the commands to itself; `commands` must exist.

        The queue outlives the worker for a while; what waited in vain is answered as expired before it goes.
        """
        queue = self._command_queue(
            self.worker_queue_name(worker_id),
            prefetch=10,
            more={"x-expires": WORKER_QUEUE_EXPIRES, "x-message-ttl": WORKER_QUEUE_TTL},
        )
        return self._bound(queue, self.routing_key(CommandQueue.WORKER, worker_id))

    def tenant(self, prefix: str) -> Plan:
        """The queues in which a tenant hears; it may make none itself but those that the broker names."""
        return Plan(
            queues=tuple(
                Queue(name=f"{self.tenant_own(prefix)}{name}", arguments=_EVENT_QUEUE) for name in ("events", "replies")
            )
        )

    def whole(self) -> Plan:
        """Everything that may ever be declared, with placeholders for ids: to be shown to people."""
        parts = (self.fleet(), self.session("<sessionId>"), self.worker("<workerId>"))
        return Plan(
            exchanges=tuple(exchange for part in parts for exchange in part.exchanges),
            queues=tuple(queue for part in parts for queue in part.queues),
            bindings=tuple(binding for part in parts for binding in part.bindings),
        )

    def _bound(self, queue: Queue, routing_key: str) -> Plan:
        binding = Binding(exchange=self.commands, queue=queue.name, routing_key=routing_key)
        return Plan(queues=(queue,), bindings=(binding,))

    def _command_queue(self, name: str, *, prefetch: int, more: Arguments | None = None) -> Queue:
        """A queue whose expired (or endlessly crashing) commands are answered by way of `expired`."""
        arguments = _quorum(DELIVERY_LIMIT) | _dead_letters_to(self.expired) | dict(more or {})
        return Queue(name=name, arguments=arguments, prefetch=prefetch)

    def _backend_queues(self) -> tuple[Queue, ...]:
        if self.backend_queue is None:
            return ()
        return (Queue(name=self.backend_queue, arguments=_EVENT_QUEUE),)


def _quorum(delivery_limit: int) -> dict[str, str | int | bool]:
    return {"x-queue-type": "quorum", "x-delivery-limit": delivery_limit}


_EVENT_QUEUE: Final[Arguments] = _quorum(NO_LIMIT) | {
    "x-max-length-bytes": BACKEND_QUEUE_BYTES,
    "x-overflow": "drop-head",
    "x-message-ttl": BACKEND_TTL,
}


def _dead_letters_to(exchange: str) -> dict[str, str | int | bool]:
    return {
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _answered_queue(name: str, *, dead: str) -> Queue:
    """A queue of commands that only wait for their rejection; one that crashes us every time is dead, not dropped."""
    return Queue(name=name, arguments=_quorum(DELIVERY_LIMIT) | _dead_letters_to(dead), prefetch=20)
