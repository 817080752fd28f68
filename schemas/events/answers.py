"""How commands are answered. Pure."""

from typing import Annotated, Any

from pydantic import Field

from schemas.errors import GatewayError
from schemas.events.failures import ErrorCode
from schemas.model import Model
from schemas.names import CommandId, MessageId


class CommandAccepted(Model):
    """``command.accepted.v1``: it is durable and will be carried out; `message_id` for those that send a message.

    Attributes:
        message_id: WhatsApp's id of the message that it becomes; only of commands that send one.
    """

    command_id: CommandId
    command_type: str
    message_id: MessageId | None = None


class CommandResult(Model):
    """``command.result.v1``: `result` is one of the models of `schemas.results`, as JSON.

    Attributes:
        result: what was asked for; its shape belongs to `commandType`.
    """

    command_id: CommandId
    command_type: str
    result: dict[str, Any]


class CommandRejected(Model):
    """``command.rejected.v1``: it was not and will not be carried out. The id may be unreadable.

    Attributes:
        command_id: the id of the command, where it could be read.
        command_type: the type of the command, where it could be read.
        message: a sentence for people; it may change.
    """

    command_id: CommandId | None = None
    command_type: str | None = None
    code: ErrorCode
    message: str
    detail: Annotated[dict[str, Any] | None, Field(description="its shape belongs to the code")] = None

    @classmethod
    def of(
        cls, error: GatewayError, *, command_id: str | None = None, command_type: str | None = None
    ) -> "CommandRejected":
        """The rejection that tells of an error."""
        return cls(
            command_id=None if command_id is None else CommandId(command_id),
            command_type=command_type,
            code=error.code,
            message=error.message,
            detail=error.detail,
        )
