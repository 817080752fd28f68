"""Where a backend hears of events: a queue of its own, durable or not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.topology.channels import BACKEND_QUEUE_BYTES, BACKEND_TTL, NO_LIMIT

_SECOND: Final = timedelta(milliseconds=1)
UNNAMED_BYTES: Final = 256 * 1024 * 1024  # of an unnamed queue whose reader is slow; what is dropped is replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQueue:
    """A queue of events.

    Attributes:
        name: of a durable queue, in which events wait while you are away; ``<namespace>-backend.…`` is what a user of
            least rights may declare. None: one of this connection alone; what is missed while that is lost is replayed.
        sessions: only their events; None: everything, workers' events too.
        types: only these, e.g. ``message.status``. Of such a queue the gaps cannot be seen: its events are those that
            come, each once, in the broker's order. Empty: everything, in order, without gaps.
        declare: declare it. Not a queue that somebody else has made: the gateway's default queue (`default`), or a
            tenant's of least rights, who only binds it (`bind`).
        bind: bind it to the events.
        max_bytes, ttl: what is over is dropped, the oldest first. Of a durable queue.
        expires: it is removed when nobody has consumed it for so long. Of a durable queue; None: never.
        dead_letter_exchange: takes what is over, instead of dropping it. Of a durable queue.
        fill_gaps: have what is missing replayed. Not for whoever acknowledges a session's events out of order.
        single_active: several processes may consume it, one after the other takes over. Of a durable queue.
    """

    name: str | None = None
    sessions: Sequence[str] | None = None
    types: Sequence[str] = ()
    declare: bool = True
    bind: bool = True
    max_bytes: int = BACKEND_QUEUE_BYTES
    ttl: timedelta = BACKEND_TTL * _SECOND
    expires: timedelta | None = None
    dead_letter_exchange: str | None = None
    fill_gaps: bool = True
    single_active: bool = False

    @classmethod
    def default(cls, namespace: str = "gateway") -> "EventQueue":
        """The gateway's default event queue, which workers declare."""
        return cls(name=f"{namespace}.backend", declare=False, bind=False)

    @property
    def arguments(self) -> Mapping[str, str | int | bool]:
        """What it is declared with."""
        if self.name is None:
            return {"x-max-length-bytes": UNNAMED_BYTES, "x-overflow": "drop-head"}
        arguments: dict[str, str | int | bool] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": NO_LIMIT,
            "x-max-length-bytes": self.max_bytes,
            "x-overflow": "drop-head",
            "x-message-ttl": self.ttl // _SECOND,
        }
        if self.expires is not None:
            arguments["x-expires"] = self.expires // _SECOND
        if self.dead_letter_exchange is not None:
            arguments["x-dead-letter-exchange"] = self.dead_letter_exchange
        if self.single_active:
            arguments["x-single-active-consumer"] = True
        return arguments

    @property
    def routing_keys(self) -> Sequence[str]:
        """What it is bound with."""
        if self.sessions is None:
            return [f"{kind}.#" for kind in self.types] or ["#"]
        return [f"{kind}.{session}" for kind in self.types or ("*.*",) for session in self.sessions]

    @property
    def is_whole(self) -> bool:
        """Whether it is told everything of the sessions it hears of, so that a gap is one, and is to be filled."""
        return self.fill_gaps and not self.types
