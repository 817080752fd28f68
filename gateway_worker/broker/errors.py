"""What can go wrong at the broker, in our words.

Nothing above this package sees `aiormq`'s errors::

BrokerError
├── BrokerLost           the connection or channel is gone; what was under way may or may not have happened
│   └── BrokerRefused    a node does not let us in: user, password or virtual host are wrong
├── Unroutable           a mandatory publish met no queue
├── PublishRefused       the broker refused to store the message (a full queue)
├── QueueMissing         consuming or declaring passively a queue that does not exist
└── TopologyMismatch     a queue or exchange of our name exists with other arguments: a person must decide
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)

from gateway_worker.timing.cancelling import cancellable


class BrokerError(Exception):
    """The base of all."""


class BrokerLost(BrokerError):  # noqa: N818 (reads as the fact it is)
    """The connection or the channel is gone. Ask for another one and repeat under the same ids."""


class BrokerRefused(BrokerLost):
    """A node does not let us in, and will not before somebody changes something: the text says what."""


class Unroutable(BrokerError):  # noqa: N818 (reads as the fact it is)
    """No queue takes the message: returned by the broker, stored nowhere."""


class PublishRefused(BrokerError):  # noqa: N818 (reads as the fact it is)
    """At least one queue refused the message (``reject-publish``: it is full). Others may have it."""


class QueueMissing(BrokerError):  # noqa: N818 (reads as the fact it is)
    """There is no queue or exchange of that name. The channel is closed by it."""


class TopologyMismatch(BrokerError):  # noqa: N818 (reads as the fact it is)
    """Something of our name exists with other arguments, or we may not touch it. The message says what to do."""


@contextmanager
def translated() -> Generator[None]:
    """Driver errors → ours.

    When a connection ends, aiormq hands its own reason to everyone who waits, and that reason may be a plain
    `CancelledError` or `Exception`. A cancellation is ours only if somebody asked this very task to end; and then it
    takes effect here, also where the driver lost it.
    """
    try:
        with cancellable():
            yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BrokerLost("the connection was closed") from error
    except Exception as error:
        ours = meaning_of(error)
        if ours is None:
            raise
        raise ours from error


_MEANINGS: Final[tuple[tuple[type[Exception], type[BrokerError]], ...]] = (
    (PublishError, Unroutable),
    (DeliveryError, PublishRefused),
    (ChannelNotFoundEntity, QueueMissing),
    (ChannelPreconditionFailed, TopologyMismatch),
    (ChannelAccessRefused, TopologyMismatch),
    (AMQPError, BrokerLost),
    (OSError, BrokerLost),
    (RuntimeError, BrokerLost),
    (TimeoutError, BrokerLost),
)
"""First match first."""


def meaning_of(error: Exception) -> BrokerError | None:
    """What a driver's error means to us; None for what is none of the driver's."""
    for theirs, ours in _MEANINGS:
        if isinstance(error, theirs):
            return ours(_text(error))
    # aiormq rejects those who wait with a bare Exception when it has no reason
    return BrokerLost("the channel was closed") if type(error) is Exception else None


def _text(error: BaseException) -> str:
    """The broker's own words, where there are some."""
    first = error.args[0] if error.args else None
    return f"{type(error).__name__}: {first}" if isinstance(first, str) else type(error).__name__
