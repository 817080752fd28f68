"""Facts as the bridge tells them: read at once, or, where thousands of people may be in one, in slices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.codec.codec import fact_of
from gateway_worker.whatsapp.baileys.groups import group_notification_of
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact, FactUnreadable

_LONG: Final = "group"


@dataclass(frozen=True, slots=True)
class Unread:
    """What happened to a group. It is read when it is its turn."""

    told: Mapping[str, Any]

    async def read(self) -> Fact:
        """The fact, as `read_fact`."""
        try:
            return await group_notification_of(self.told, Pace())
        except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
            return _unreadable(self.told, error)


def taken_up(told: Mapping[str, Any]) -> Fact | Unread:
    """A fact, or what it is to be read from."""
    return Unread(told) if told.get("fact") == _LONG else read_fact(told)


def read_fact(told: Mapping[str, Any]) -> Fact:
    """A fact; one that we cannot read is told as that: it must not end the channel that all sessions share."""
    try:
        return fact_of(told)
    except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
        if told.get("fact") == "disconnected":
            return Disconnected(cause=Cause.UNKNOWN)
        return _unreadable(told, error)


def _unreadable(told: Mapping[str, Any], error: Exception) -> FactUnreadable:
    detail = str(told.get("unreadable", type(error).__name__))  # the bridge itself could not describe it
    return FactUnreadable(fact=str(told.get("fact"))[:32], detail=detail, told=told)
