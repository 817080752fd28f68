"""Disappearing messages, as WhatsApp tells them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_SECONDS: Final = 10 * 365 * 86_400
"""WhatsApp's clients offer a day, a week and 90 days; whoever writes more means for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Messages go after so many `seconds`, 0: they stay.

    Attributes:
        changed_at: when that was set, Unix seconds, WhatsApp's clock; None: nobody says.
        by_me: the account itself has set it; None: nobody says.
        of_new_chats: of a message that begins a chat: the account's new chats have it.
    """

    seconds: int
    changed_at: int | None = None
    by_me: bool | None = None
    of_new_chats: bool = False

    def expires_at(self, at: datetime) -> datetime | None:
        """When a message of this time disappears; None: it stays."""
        return at + timedelta(seconds=self.seconds) if self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedChatTimer:
    """The timer of a chat, as a list of chats or a group's description has it."""

    chat: str
    timer: Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class TimersReported:
    """Timers that nobody has just set."""

    timers: Sequence[ReportedChatTimer]
