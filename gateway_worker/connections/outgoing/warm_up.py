"""A new account's daily limit, which rises day by day. Pure."""

from datetime import datetime
from typing import Final

from schemas.commands.session_settings import SessionLimits

_DAY_SECONDS: Final = 86_400


def messages_of_day(limits: SessionLimits, created_at: datetime, now: datetime) -> tuple[int | None, bool]:
    """How many messages may begin within a day, None for any number; and whether it is the warm-up that says so."""
    own, warm_up = limits.messages_per_day, limits.warm_up
    if warm_up is None:
        return own, False
    day = max(0, int((now - created_at).total_seconds()) // _DAY_SECONDS) + 1
    if day > warm_up.days:
        return own, False
    allowed = warm_up.first_day * day
    return (own, False) if own is not None and own <= allowed else (allowed, True)
