"""A session's state, and what is told of it."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import CausedBy, Desired, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeState(Operation[None]):
    """Write the session's state, and the `session.status` event that tells of it.

    Attributes:
        state: one of the contract's states; `state_since` moves only when it differs from the stored one.
        reason, retry_at: replace what is stored, None clears.
        desired, applied_generation, phone, jid, lid, push_name: None leaves what is stored.
        event: data of `session.status.v1`; None writes no event.
        caused_by: the command from which that event follows.
        fulfilled: the last order has come to its end with that: what follows is no command's doing.
    """

    state: str
    reason: Json | None = None
    retry_at: datetime | None = None
    desired: Desired | None = None
    applied_generation: int | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    push_name: str | None = None
    event: Json | None = field(default=None, repr=False)
    caused_by: CausedBy | None = None
    fulfilled: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("state",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendEvent(Operation[None]):
    """Write any other durable event."""

    type: str
    data: Json = field(repr=False)
    caused_by: CausedBy | None = None
