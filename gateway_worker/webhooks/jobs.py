"""An event that is to be told to a target."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway_worker.client.events import Event

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventJob:
    """An event in hand.

    Attributes:
        since: when it became due: how long it is tried counts from here.
        ack: it is done with, and does not come again.
        is_repeated: the broker has handed it out before, perhaps to a process that is gone.
    """

    event: Event
    since: datetime
    ack: Callable[[], Awaitable[None]]
    is_repeated: bool = False

    @property
    def line(self) -> str:
        """Whose order it keeps: a session's or a worker's; a part of a queue's name."""
        subject = self.event.subject or ""
        if not _NAME.fullmatch(subject):  # of a command that could not be read
            subject = hashlib.sha256(subject.encode()).hexdigest()[:32]
        return f"{'worker' if self.event.session_id is None else 'session'}.{subject}"
