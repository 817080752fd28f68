"""When an ordered fault strikes, and whom. Pure."""

from gateway_worker.simulator.world.fault import Fault, FaultKind
from gateway_worker.simulator.world.model import Account, World

MAX_FAULTS = 1_000


def strike(world: World, now: float, kind: FaultKind, phone: str | None, *, at_login: bool = False) -> Fault | None:
    """The first fault of this kind that hits `phone` (None: someone not known yet) now. Uses up one of its strikes."""
    for fault in current(world, now):
        meant = fault.kind is kind and fault.at_login is at_login and fault.starts <= now
        if meant and fault.phone in (None, phone):
            use(world, fault)
            return fault
    return None


def current(world: World, now: float) -> list[Fault]:
    """The faults whose time is not over; forgets the others."""
    if any(fault.ends is not None and fault.ends <= now for fault in world.faults):
        world.faults[:] = [fault for fault in world.faults if fault.ends is None or fault.ends > now]
    return world.faults


def strike_message(world: World, now: float, kind: FaultKind, sender: Account, to: Account | None) -> Fault | None:
    """Like `strike`, for a message: by its sender; or by its recipient, if that is a phone without companions.

    Nobody else than its correspondents could be meant by a fault on such a phone.
    """
    fault = strike(world, now, kind, sender.phone)
    if fault is None and to is not None and to is not sender and not to.companions:
        fault = strike(world, now, kind, to.phone)
    return fault


def use(world: World, fault: Fault) -> None:
    """Counts one strike and forgets the fault with its last."""
    fault.struck += 1
    world.stats.faults_struck += 1
    if fault.remaining is not None:
        fault.remaining -= 1
        if fault.remaining <= 0:
            world.faults.remove(fault)
