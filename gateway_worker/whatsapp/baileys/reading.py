"""Facts as the bridge tells them: read at once, or, where thousands of people may be in one, in slices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.channel.decoding import named
from gateway_worker.whatsapp.baileys.codec.facts import fact_of
from gateway_worker.whatsapp.baileys.groups import group_notification_of
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact, FactUnreadable

_LONG: Final = "group"


@dataclass(frozen=True, slots=True)
class Unread:
    """What happened to a group. It is read when it is its turn."""

    payload: Mapping[str, Any]

    async def read(self) -> Fact:
        """The fact, as `read_fact`."""
        try:
            return await group_notification_of(self.payload, Pace())
        except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
            return _unreadable(self.payload, error)


def taken_up(payload: Mapping[str, Any]) -> Fact | Unread:
    """A fact, or what it is to be read from."""
    return Unread(payload) if payload.get("fact") == _LONG else read_fact(payload)


def read_fact(payload: Mapping[str, Any]) -> Fact:
    """A fact; one that we cannot read is told as that: it must not end the channel that all sessions share."""
    try:
        return fact_of(payload)
    except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
        if payload.get("fact") == "disconnected":
            return Disconnected(cause=Cause.UNKNOWN)
        return _unreadable(payload, error)


def _unreadable(payload: Mapping[str, Any], error: Exception) -> FactUnreadable:
    detail = str(payload.get("unreadable", named(error)))  # the bridge itself could not describe it
    return FactUnreadable(fact=str(payload.get("fact"))[:32], detail=detail, payload=payload)
