"""A command is recorded once, and gets one answer."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import Carried, Json, Status
from schemas.commands.commands import CommandKey
from schemas.names import MessageId


@dataclass(frozen=True, slots=True)
class Fresh:
    """This command was never seen before; it is recorded as in progress."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The same command was begun before and not finished; `attempts` counts the begins, this one included."""

    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """The same command was finished before, with this reply."""

    reply: Json | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another command was seen under the same key."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The message is recorded as pending; nothing of it has ever left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadySettled:
    """The same message was sent (`status` sent or later) or has failed before; there is nothing left to do."""

    status: Status
    at: datetime
    error: Json | None


Recorded = Fresh | InProgress | Done | Conflict


BeginAnswer = Begun | InProgress | AlreadySettled | Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCommand(Operation[Recorded]):
    """Remember a command before its effect. A known key with another `body_hash` (sha256) is a conflict."""

    key: CommandKey
    body_hash: bytes
    type: str

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [_command(self.key)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginMessage(Operation[BeginAnswer]):
    """Record an outgoing message as pending, before anything of it leaves, and its command with it.

    Attributes:
        message_id: derived from the key, so that every repetition is the same message.
        to: as the command gave it.
        chat: JID of the chat, when it is known already.
        kind, content: the contract's content object and its kind.
        correlation_id, carried: come back with every `message.status` of it; see `Envelope.carried`.
        about: the earlier message that it changes, if it does.
        expires_at: when it disappears.
    """

    key: CommandKey
    body_hash: bytes
    message_id: MessageId
    to: str
    kind: str
    content: Json
    chat: str | None = None
    type: str = "message.send.v1"
    correlation_id: str | None = None
    carried: Carried = field(default_factory=dict[str, bool | int | str])
    about: MessageId | None = None
    expires_at: datetime | None = None

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [_command(self.key), ("message", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCommand(Operation[None]):
    """Remember a recorded command's reply: a repetition gets it again. A command not recorded is left alone."""

    key: CommandKey
    reply: Json | None = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [_command(self.key)]


def _command(key: CommandKey) -> tuple[str, ...]:
    return ("command", key.subject, key.source, key.id)
