"""How soon work flows again after a fault, and how soon the backlog is gone. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.chaos.accounts.ledgers import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much was outstanding at a time."""

    at: float
    outstanding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Seconds from the end of the fault. None: never, or there was nothing to wait for.

    Attributes:
        first: until the first session worked again.
        p99: until 99 of 100 sessions did; of few sessions it is the slowest.
        drained: until no more was outstanding than the load has under way anyway.
        never: sessions that did not work again.
    """

    first: float | None
    p99: float | None
    drained: float
    never: Sequence[str] = ()


def recovery(
    events: Iterable[Event],
    sessions: Sequence[str],
    samples: Sequence[Sample],
    *,
    struck: float,
    since: float,
    usual: int,
) -> Recovery:
    """Of the `sessions` that were hit at `struck`; what they did before that, and is told only now, does not count.

    `usual` is how much is outstanding when all is well.
    """
    back: dict[str, float] = {}
    for event in events:
        if is_success(event) and event.received_at > struck and event.at > since and event.session_id not in back:
            back[event.session_id] = event.at - since
    times = sorted(back[session_id] for session_id in sessions if session_id in back)
    heavy = [each.at for each in samples if each.at > since and each.outstanding > usual]
    return Recovery(
        first=times[0] if times else None,
        p99=times[min(len(times) - 1, int(0.99 * len(times)))] if times else None,
        drained=max(heavy) - since if heavy else 0.0,
        never=tuple(session_id for session_id in sessions if session_id not in back),
    )


def is_success(event: Event) -> bool:
    """Whether it tells of something that only a working session does."""
    return event.type == "message.received.v1" or event.status == "sent" or event.state == "connected"
