"""Who may ask what, and where the answer may go (decision 0021). Pure.

RabbitMQ checks a sender's topic permission on one thing alone: the routing key with which it publishes to the exchange
of commands. So that key says for whom a sender speaks, and a command is carried out only for what its key names::

    control                     everything: whoever may publish with it is trusted with all
    sessions.create             the creation of any session, and nothing else
    sessions.create.<session>   that session
    session.<session>           that session
    control.<id>                the session, or worker, of that id
    worker.<worker>             that worker
    anything else               nothing

A queue's own name, published to the default exchange (as we do when we move a command), counts as the key that leads to
that queue: who may write to ``amq.default`` may write to every queue. So what only the owner of a session can do, and
was moved to its own queue, names the session still.

The broker checks no key where it routes by itself: out of a queue by dead-lettering, from an exchange that is bound to
ours, by an alternate exchange that is ours. What came such a way, but for commands that expired in our own queues, is
refused. ``CC`` and ``BCC`` change where a copy goes and not its key: a copy in another session's queue names the wrong
session.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from consumers.delivery import Delivery
from consumers.direct_reply import is_direct_reply_address
from gateway_worker.broker.leniency import UNREADABLE
from schemas.commands.commands import COMMANDS, Command, CommandQueue, Subject
from schemas.errors import Breach, CommandForbidden, Origin
from schemas.model import StrictModel
from schemas.topology.channels import Topology

_KEY: Final = re.compile(r"(sessions\.create|control|session|worker)(?:\.([A-Za-z0-9_-]{1,64}))?")
_QUEUES: Final = {
    "sessions.create": CommandQueue.SESSIONS,
    "control": CommandQueue.CONTROL,
    "session": CommandQueue.SESSION,
    "worker": CommandQueue.WORKER,
}
_NAMED: Final = {
    CommandQueue.SESSIONS: {Subject.SESSION},
    CommandQueue.CONTROL: {Subject.SESSION, Subject.WORKER},
    CommandQueue.SESSION: {Subject.SESSION},
    CommandQueue.WORKER: {Subject.WORKER},
}
_CREATE: Final = "session.create.v1"
_DEATHS: Final = ("x-death", "x-first-death-")
_DEATH_EXCHANGE: Final = "x-first-death-exchange"
_GENERATED: Final = re.compile(r"amq\.gen-.+|amq_[0-9a-f]{32}")  # by the broker, and by aio-pika
_REPLIES: Final = re.compile(r"repl(?:y|ies)(?:\.|$)")
"""Names under the namespace that the gateway leaves to its clients: ``gateway.replies``, ``gateway.reply.…``."""


class ReplyQueues(Enum):
    """Which queues of others a reply may go to."""

    ANY = "any"
    """Any that is not ours and not another tenant's."""
    OWNED = "owned"
    """Only those whose name shows that they are the sender's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a routing key names. `subject` None: the bare key. `moved`: by one of us, to a worker's own queue."""

    queue: CommandQueue
    subject: str | None
    moved: bool = False

    def covers(self, command: Command[StrictModel]) -> bool:
        """Whether whoever may publish with this key may ask for this."""
        kind = command.kind
        if self.moved and kind.for_owner:
            return True
        if self.subject is None:
            return self.queue is CommandQueue.CONTROL or (
                self.queue is CommandQueue.SESSIONS and kind.queue is CommandQueue.SESSIONS
            )
        return kind.subject in _NAMED[self.queue] and self.subject == command.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who hears of a delivery's outcome.

    Attributes:
        origin: what is said of the command. An event is told under its subject, for which the sender may speak.
        reply_to: a queue of the sender's, if it named one.
        receives_events: otherwise a rejection is told as an event.
    """

    origin: Origin
    reply_to: str | None
    receives_events: bool


class Fence:
    """Between those who share a broker."""

    def __init__(self, topology: Topology, replies: ReplyQueues = ReplyQueues.ANY) -> None:
        self._topology = topology
        self._replies = replies

    def check(self, command: Command[StrictModel], delivery: Delivery) -> None:
        """Returns if the command may be carried out.

        Raises:
            CommandForbidden: its sender may not ask that, or not have the answer sent there.
        """
        if not self._was_checked(delivery):
            raise CommandForbidden(Breach.ROUTE)
        scope = self._scope(delivery)
        if scope is None or not scope.covers(command):
            raise CommandForbidden(Breach.ROUTING_KEY)
        session = command.subject if command.kind.subject is Subject.SESSION else None
        if delivery.reply_to and not self._may_answer_at(delivery.reply_to, session):
            raise CommandForbidden(Breach.REPLY_TO)

    def audience(self, delivery: Delivery, origin: Origin) -> Audience:
        """Who hears of it. Whoever may speak for one session alone is not quoted about another."""
        subject = self._may_speak_for(delivery, origin)
        reply_to = delivery.reply_to or None
        return Audience(
            origin=replace(origin, subject=subject),
            reply_to=reply_to if reply_to and self._may_answer_at(reply_to, subject) else None,
            receives_events=delivery.exchange != self._topology.events,  # or what is told would come back as a command
        )

    def routing_key(self, delivery: Delivery) -> str:
        """The key on the exchange of commands that says the same as the delivery's own."""
        key = delivery.routing_key
        by_name = delivery.exchange == "" or (delivery.exchange == self._topology.expired and not _KEY.fullmatch(key))
        return key_of_queue(key, self._topology) if by_name else key

    def _scope(self, delivery: Delivery) -> Scope | None:
        found = _KEY.fullmatch(self.routing_key(delivery))
        if found is None:
            return None
        queue, subject = _QUEUES[found[1]], found[2]
        is_whole = subject is not None or queue in {CommandQueue.SESSIONS, CommandQueue.CONTROL}
        moved = queue is CommandQueue.WORKER and delivery.exchange == ""
        return Scope(queue=queue, subject=subject, moved=moved) if is_whole else None

    def _was_checked(self, delivery: Delivery) -> bool:
        """Whether the broker saw a sender publish with this key."""
        published_by_someone = {self._topology.commands, ""}
        if UNREADABLE in delivery.header_names:  # one that tells of a death may be among them
            return False
        if delivery.exchange == self._topology.expired and delivery.queue == self._topology.expired:
            return delivery.headers.get(_DEATH_EXCHANGE) in published_by_someone
        return delivery.exchange in published_by_someone and not any(
            name.startswith(_DEATHS) for name in delivery.header_names
        )

    def _may_speak_for(self, delivery: Delivery, origin: Origin) -> str | None:
        scope = self._scope(delivery) if self._was_checked(delivery) else None
        if scope is None:
            return None
        if scope.subject is None and scope.queue is CommandQueue.SESSIONS and origin.type != _CREATE:
            return None
        kind = COMMANDS.get(origin.type or "")
        if scope.moved and kind is not None and kind.for_owner:
            return origin.subject
        return scope.subject or origin.subject

    def _may_answer_at(self, queue: str, session: str | None) -> bool:
        topology = self._topology
        if queue.startswith("amq."):
            return is_direct_reply_address(queue) or _GENERATED.fullmatch(queue) is not None
        own = f"{topology.namespace}."
        if queue == topology.backend_queue or (queue.startswith(own) and not _REPLIES.match(queue.removeprefix(own))):
            return False
        if queue.startswith(topology.tenants):
            prefix, _, rest = queue.removeprefix(topology.tenants).partition(".")
            return bool(prefix and rest) and session is not None and session.startswith(prefix)
        if self._replies is ReplyQueues.ANY:
            return True
        return queue.startswith(topology.backend_own) or _GENERATED.fullmatch(queue) is not None


def key_of_queue(queue: str, topology: Topology) -> str:
    """The routing key that leads to a queue of commands: ``gateway.session.A`` → ``session.A``. Others stay."""
    return "sessions.create" if queue == topology.sessions_queue else queue.removeprefix(f"{topology.namespace}.")
