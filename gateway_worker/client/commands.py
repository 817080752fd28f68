"""A command on its way out: how a model becomes an envelope with a routing key. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict

from pydantic import ValidationError

from gateway_worker.client.errors import CommandRejectedError
from schemas.commands.commands import COMMANDS, CommandQueue, CommandType, Subject
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid
from schemas.model import StrictModel
from schemas.problems import problems_of

_KINDS: Final[Mapping[type[StrictModel], CommandType]] = {kind.model: kind for kind in COMMANDS.values()}


class CommandOptions(TypedDict, total=False):
    """What may be said with every command.

    Attributes:
        command_id: with the gateway's `source` the idempotency key, kept 7 days: the same id is carried out once. A new
            one by default.
        expires_in: not started later than so long from now; then it is rejected, or its message fails, with
            ``command.expired``.
        correlation_id: your own mark, carried through to all that follows.
        traceparent, tracestate: W3C trace context.
        extensions: further CloudEvents attributes, carried through.
        timeout: seconds to wait for the reply; by default the gateway's.
    """

    command_id: str
    expires_in: timedelta
    correlation_id: str
    traceparent: str
    tracestate: str
    extensions: Mapping[str, bool | int | str]
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is published: `body` is the envelope, `expiration` AMQP's own (without it a command waits for ever)."""

    command_id: str
    type: str
    routing_key: str
    body: bytes
    expiration: timedelta | None = None


def kind_of(command: StrictModel) -> CommandType:
    """The kind of command that a model is the data of.

    Raises:
        TypeError: it is no command's data.
    """
    kind = _KINDS.get(type(command))
    if kind is None:
        raise TypeError(f"{type(command).__name__} is not the data of a command")
    return kind


def compose(
    kind: str,
    subject: str | None,
    data: Mapping[str, Any],
    *,
    source: str,
    new_id: str,
    now: datetime,
    options: CommandOptions,
) -> Outgoing:
    """The command as it goes out. `kind` with its version; one that is unknown goes where it will be answered.

    Raises:
        CommandRejectedError: an attribute is not what CloudEvents allows.
    """
    expires_in = options.get("expires_in")
    command_id = options.get("command_id", new_id)
    try:
        envelope = Envelope(
            id=command_id,
            source=source,
            type=kind,
            subject=subject,
            time=now,
            expiresat=None if expires_in is None else now + expires_in,
            correlationid=options.get("correlation_id"),
            traceparent=options.get("traceparent"),
            tracestate=options.get("tracestate"),
            data=dict(data),
            **dict(options.get("extensions", {})),  # pyright: ignore[reportArgumentType] (extension attributes have any name)
        )
    except ValidationError as invalid:
        raise _invalid(invalid, "") from None
    key = routing_key_of(kind, subject)
    return Outgoing(command_id=command_id, type=kind, routing_key=key, body=envelope.to_json())


def valid(model: type[StrictModel], fields: Mapping[str, object]) -> StrictModel:
    """The data of a command, from its fields by their names in Python; those that are None are left out.

    Raises:
        CommandRejectedError: ``command.invalid``, as the gateway would answer it, before it is asked.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return model.model_validate(given, by_name=True, by_alias=True)
    except ValidationError as invalid:
        raise _invalid(invalid, "data") from None


def _invalid(error: ValidationError, prefix: str) -> CommandRejectedError:
    ours = CommandInvalid(problems_of(error, prefix))
    return CommandRejectedError(ours.code, ours.message, detail=ours.detail)


def routing_key_of(kind: str, subject: str | None) -> str:
    """Where a command enters, and whom it is for; an unknown one goes to ``control``, to be answered there.

    A session is made with its own key rather than with the bare one, so that a tenant may do it too.
    """
    known = COMMANDS.get(kind)
    if known is None or subject is None or known.subject is Subject.FLEET:
        return "control"
    return f"sessions.create.{subject}" if known.queue is CommandQueue.SESSIONS else f"{known.queue.value}.{subject}"
