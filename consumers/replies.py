"""What is said back, to whom. Pure.

Exactly one reply goes to a delivery's `reply_to`: ``command.accepted``, ``command.result`` or ``command.rejected``. Its
`causationid` is the command's id, or the AMQP message id where the body could not be read. A rejection that nobody
asked to hear is an event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from gateway_worker.store.records import Json
from schemas.commands.commands import Command
from schemas.envelope import Envelope
from schemas.errors import GatewayError, Origin
from schemas.events.answers import CommandAccepted, CommandRejected, CommandResult
from schemas.events.events import COMMAND_ACCEPTED, COMMAND_REJECTED, COMMAND_RESULT, worker_source
from schemas.model import MAX_ATTRIBUTE, Model, StrictModel
from schemas.names import MessageId, NewId, WorkerId

MOVED: Final = "forwarded"
"""Outcome of a command that was moved to its own queue, where it is answered."""

GOOD: Final = frozenset({"accepted", "result", MOVED})
"""Outcomes that are no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is said: the type of an event and its data as JSON."""

    type: str
    data: Mapping[str, Any]

    @property
    def outcome(self) -> str:
        """One word for metrics and logs: ``accepted``, ``result``, or the error's code."""
        return str(self.data["code"]) if self.type == COMMAND_REJECTED.type else self.type.split(".")[1]

    def to_json(self) -> Json:
        """What the ledger keeps of it."""
        return {"type": self.type, "data": dict(self.data)}

    @classmethod
    def from_json(cls, stored: Json) -> "Reply":
        """What the ledger kept."""
        return cls(type=str(stored["type"]), data=cast("Mapping[str, Any]", stored["data"]))


def accepted(command: Command[StrictModel], message_id: MessageId | None = None) -> Reply:
    """``command.accepted.v1``."""
    data = CommandAccepted(command_id=command.id, command_type=command.kind.type, message_id=message_id)
    return Reply(type=COMMAND_ACCEPTED.type, data=data.to_data())


def result(command: Command[StrictModel], value: Model) -> Reply:
    """``command.result.v1``."""
    data = CommandResult(command_id=command.id, command_type=command.kind.type, result=value.to_data())
    return Reply(type=COMMAND_RESULT.type, data=data.to_data())


def rejected(error: GatewayError, origin: Origin) -> Reply:
    """``command.rejected.v1``."""
    data = CommandRejected.of(error, command_id=origin.id, command_type=origin.type)
    return Reply(type=COMMAND_REJECTED.type, data=data.to_data())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFactory:
    """Who replies."""

    namespace: str
    worker_id: WorkerId

    def envelope(
        self,
        reply: Reply,
        origin: Origin,
        *,
        message_id: str | None,
        correlation_id: str | None,
        new_id: NewId,
        time: datetime,
    ) -> Envelope:
        """The envelope of a reply to the command of that `origin`, which came as AMQP message `message_id`."""
        return Envelope(
            id=new_id(),
            source=worker_source(self.namespace, self.worker_id),
            type=reply.type,
            subject=origin.subject,
            time=time,
            correlationid=origin.correlation_id or _attribute(correlation_id),
            causationid=origin.id or _attribute(message_id),
            data=dict(reply.data),
            **origin.carried,  # pyright: ignore[reportArgumentType] (extension attributes have any name)
        )


def _attribute(text: str | None) -> str | None:
    """An AMQP property, if it can stand in an envelope."""
    return text if text and len(text) <= MAX_ATTRIBUTE and text.isprintable() else None
