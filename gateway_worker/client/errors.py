"""What can go wrong for a backend, as one tree.

::

ClientError
├── ConnectionLostError     RabbitMQ is away; what was under way may or may not have happened
│   └── AccessRefusedError  it does not let us in: user, password or virtual host are wrong
├── NotPermittedError       the user's rights do not cover it: somebody else's session, a queue's name
├── TopologyMissingError    the gateway's exchanges or a queue do not exist: no worker has declared them yet
├── QueueFullError          the session's queue is full (10,000 commands wait); nothing was stored
├── NoReplyError            nobody answered in time: the command waits in its queue, and will be carried out
└── CommandRejectedError    the gateway said no, with the contract's code and detail
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)


class ClientError(Exception):
    """The base of all."""


class ConnectionLostError(ClientError):
    """RabbitMQ is away. The same command may be sent again under the same id: it is carried out once."""


class AccessRefusedError(ConnectionLostError):
    """RabbitMQ does not let us in, and will not before somebody changes something: the text says what."""


class NotPermittedError(ClientError):
    """RabbitMQ does not let this user do it: ``gateway-worker topology --definitions`` prints users with rights."""


class TopologyMissingError(ClientError):
    """An exchange or a queue does not exist, or is declared otherwise. Workers declare theirs when they start."""


class QueueFullError(ClientError):
    """The broker refused to store the command: its queue is full."""


class NoReplyError(ClientError):
    """Nobody answered in time. The command waits in its queue: ask again under the same `command_id`."""

    def __init__(self, command_id: str, seconds: float) -> None:
        super().__init__(f"no reply to the command {command_id} within {seconds:g} s; it will be carried out")
        self.command_id = command_id


class CommandRejectedError(ClientError):
    """The command was not carried out, and will not be.

    Attributes:
        code: stable and dotted, e.g. ``session.not_found``: what to branch on.
        message: a sentence for people.
        detail: JSON values for programs; their shape belongs to the code.
        command_id: of the command; None where it was never published.
    """

    def __init__(
        self, code: str, message: str, *, detail: Mapping[str, Any] | None = None, command_id: str | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.detail: Mapping[str, Any] = detail or {}
        self.command_id = command_id


@contextmanager
def translated() -> Generator[None]:
    """Driver errors → ours.

    When a connection ends, aiormq hands its own reason to everyone who waits, and that may be a plain `CancelledError`
    or `Exception`. A cancellation is ours only if somebody asked this very task to end; and then it takes effect here,
    also where the driver lost it.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    error: BaseException | None = None
    try:
        yield
    except (asyncio.CancelledError, Exception) as raised:  # noqa: BLE001 (raised again below)
        error = raised
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError from error
    if error is not None:
        raise meaning_of(error) or error from error


_MEANINGS: Final[tuple[tuple[type[BaseException], type[ClientError]], ...]] = (
    (PublishError, TopologyMissingError),
    (DeliveryError, QueueFullError),
    (ChannelNotFoundEntity, TopologyMissingError),
    (ChannelPreconditionFailed, TopologyMissingError),
    (ChannelAccessRefused, NotPermittedError),
    (AMQPError, ConnectionLostError),
    (OSError, ConnectionLostError),
    (RuntimeError, ConnectionLostError),
    (TimeoutError, ConnectionLostError),
    (asyncio.CancelledError, ConnectionLostError),
)
"""First match first."""


def meaning_of(error: BaseException) -> ClientError | None:
    """What a driver's error means to a backend; None for what is none of the driver's."""
    for theirs, ours in _MEANINGS:
        if isinstance(error, theirs):
            return ours(_text(error))
    # aiormq rejects those who wait with a bare Exception when it has no reason
    return ConnectionLostError("the channel was closed") if type(error) is Exception else None


def _text(error: BaseException) -> str:
    """The broker's own words, where there are some."""
    first = error.args[0] if error.args else None
    return f"RabbitMQ: {first}" if isinstance(first, str) else f"RabbitMQ: {type(error).__name__}"
