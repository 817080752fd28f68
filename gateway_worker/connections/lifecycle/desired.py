"""What a session should do next, from what is desired of it and where it stands. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from gateway_worker.connections.lifecycle.states import LIVE, State
from gateway_worker.store.records import Desired, Json, SessionRecord

OUTDATED = "client.outdated"  # the one failure that a newer worker may have cured


class Step(StrEnum):
    """The next thing to do."""

    REST = "rest"  # until something happens
    NOTE = "note"  # the order is already fulfilled: only remember that
    OPEN = "open"
    CLOSE = "close"
    LOG_OUT = "log_out"
    MOVE = "move"  # to another worker
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the backend wants of a session.

    Attributes:
        desired: the state to work towards.
        generation: rises with each order.
        fresh: the order of this generation has not been carried out yet.
        restart: the fresh order is to close the connection and open it again.
        purge: deleting also destroys messages.
        move: it is to leave its owner for another worker.
    """

    desired: Desired
    generation: int
    fresh: bool
    restart: bool
    purge: bool
    move: bool = False

    @property
    def ends_it(self) -> bool:
        """Whether its identity is to be destroyed here and now."""
        return self.desired is Desired.DELETED or (self.desired is Desired.LOGGED_OUT and self.fresh)

    @classmethod
    def of(cls, record: SessionRecord) -> "Orders":
        """The orders a row holds."""
        return cls(
            desired=record.desired,
            generation=record.generation,
            fresh=record.has_wish,
            restart=record.restart_wished,
            purge=record.purge,
            move=record.move_wished,
        )

    def done(self) -> "Orders":
        """The same, carried out."""
        return replace(self, fresh=False, restart=False)

    def stayed(self) -> "Orders":
        """The same, without a move."""
        return replace(self, move=False)


def next_step(orders: Orders, *, linked: bool, due: bool) -> Step:
    """What to do now.

    Args:
        orders: what is wanted.
        linked: there is a connection, opening or open.
        due: no connection, and the time to try again has come.
    """
    if orders.move and not orders.ends_it:
        return Step.MOVE  # whatever else is wanted is done by the next owner
    match orders.desired:
        case Desired.DELETED:
            return Step.DELETE
        case Desired.LOGGED_OUT:
            return Step.LOG_OUT if orders.fresh else Step.REST
        case Desired.DISCONNECTED:
            return Step.CLOSE if linked else Step.NOTE if orders.fresh else Step.REST
        case Desired.CONNECTED if linked:
            return Step.CLOSE if orders.restart else Step.NOTE if orders.fresh else Step.REST
        case Desired.CONNECTED:
            return Step.OPEN if orders.fresh or due else Step.REST
        case _:
            assert_never(orders.desired)


def connects_at_takeover(state: State, reason: Json | None, *, has_retry: bool) -> bool:
    """Whether a session that is taken over (at boot, after another worker) should connect without a fresh order.

    Yes when it was live, or about to come back by itself; no where a person must act first. A new worker may bring the
    version that WhatsApp asked for.
    """
    match state:
        case State.DISCONNECTED:
            return has_retry
        case State.FAILED:
            return reason is not None and reason.get("code") == OUTDATED
        case _:
            return state in LIVE or state is State.WAITING_FOR_CAPACITY
