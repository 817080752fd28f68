"""A call to a target, and what can come of it.

::

CallFailedError   it was not taken; it is tried again
TargetGoneError   410: nobody wants anything there any more
GivenUpError      it was tried for as long as the target's setting says
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is sent.

    Attributes:
        path: behind the target's URL; empty: that itself.
        message_id: the same at each attempt, so that a receiver knows a repetition.
        is_fleeting: it is tried once, and not when it is old: the next one of its kind says more.
    """

    method: str = "POST"
    path: str = ""
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    message_id: str
    is_fleeting: bool = False


class CallFailedError(Exception):
    """It was not taken.

    Attributes:
        reason: one word, for metrics; see `metrics.REASONS`.
        status: what it was answered with, if it was.
        retry_after: seconds that the target asked us to wait.
    """

    def __init__(self, reason: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(reason if status is None else f"{reason} {status}")
        self.reason = reason
        self.status = status
        self.retry_after = retry_after


class TargetGoneError(Exception):
    """It answered 410 Gone."""


class GivenUpError(Exception):
    """It will not be tried any more; the text says how the last attempt ended."""
