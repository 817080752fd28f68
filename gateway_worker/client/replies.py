"""What the gateway answered: accepted, a result, or no. Pure."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from gateway_worker.client.errors import ClientError, CommandRejectedError
from gateway_worker.client.events import read_data
from schemas.envelope import Envelope
from schemas.events.answers import CommandAccepted, CommandRejected, CommandResult
from schemas.model import Model
from schemas.names import CommandId, MessageId

M = TypeVar("M", bound=Model)


class UnreadableReplyError(ClientError):
    """The reply does not fit this client: it is of another version of the contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The command is durable and will be carried out; `message_id` is WhatsApp's, of those that send a message."""

    command_id: CommandId
    message_id: MessageId | None = None


def outcome_of(reply: Envelope) -> CommandAccepted | CommandResult:
    """What a reply says.

    Raises:
        CommandRejectedError: it says no.
        UnreadableReplyError: it says what this client does not know.
    """
    match read_data(reply.type, reply.data):
        case CommandAccepted() | CommandResult() as good:
            return good
        case CommandRejected() as bad:
            raise CommandRejectedError(bad.code, bad.message, detail=bad.detail, command_id=bad.command_id)
        case _:
            raise UnreadableReplyError(f"a reply of the type {reply.type} cannot be read")


def accepted(reply: Envelope) -> Accepted:
    """What a command is answered with that returns nothing. Raises as `outcome_of`."""
    match outcome_of(reply):
        case CommandAccepted() as good:
            return Accepted(command_id=good.command_id, message_id=good.message_id)
        case CommandResult() as good:
            return Accepted(command_id=good.command_id)


def result(reply: Envelope, model: type[M]) -> M:
    """What a question is answered with. Raises as `outcome_of`."""
    answer = outcome_of(reply)
    if isinstance(answer, CommandAccepted):
        raise UnreadableReplyError(f"{answer.command_type} was accepted, but returned nothing")
    try:
        return model.model_validate(answer.result, by_alias=True, by_name=False)
    except ValidationError as invalid:
        where = invalid.errors(include_url=False, include_input=False)[0]["loc"]
        raise UnreadableReplyError(f"the result of {answer.command_type} does not fit: {where}") from None
