"""Faults as they are ordered over the control API, and their first strike. Pure."""

from dataclasses import dataclass
from functools import partial

from gateway_worker.simulator.errors import Conflict, Invalid
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.whatsapp.login import break_connection
from gateway_worker.simulator.whatsapp.offline import confirmed, redeliver, requeue
from gateway_worker.simulator.world.fault import (
    CONDITIONS,
    DEFAULT_AFTER,
    DEFAULT_CODES,
    STARTS_LATER,
    Fault,
    FaultKind,
)
from gateway_worker.simulator.world.faults import MAX_FAULTS, current, use
from gateway_worker.simulator.world.model import Device
from gateway_worker.simulator.world.turn import Turn

MAX_AFTER = 3_600.0
MAX_COUNT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRequest:
    """A fault as it was asked for."""

    kind: FaultKind
    phone: str | None
    code: int
    after: float
    count: int | None
    seconds: float | None = None
    at_login: bool = False


def parse_fault(body: Body) -> FaultRequest:
    """`{kind, phone?, code?, after?, count?, seconds?, atLogin?}` with the defaults of its kind."""
    name = body.text("kind")
    try:
        kind = FaultKind(name)
    except ValueError as error:
        raise Invalid("fault.unknown", f"kind must be one of: {', '.join(FaultKind)}") from error
    phone, code = body.phone("phone", None), body.whole("code", 100, 999)
    after, count = body.seconds("after", MAX_AFTER), body.whole("count", 0, MAX_COUNT)
    seconds, at_login = body.seconds("seconds", MAX_AFTER), body.flag("atLogin")
    body.done()
    lasts = seconds is not None or kind in CONDITIONS
    return FaultRequest(
        kind=kind,
        phone=phone,
        code=DEFAULT_CODES.get(kind, 0) if code is None else code,
        after=DEFAULT_AFTER.get(kind, 0.0) if after is None else after,
        count=count if count is not None or lasts else 1,
        seconds=seconds,
        at_login=at_login and kind is FaultKind.REDELIVER,
    )


def add_fault(turn: Turn, request: FaultRequest) -> Fault:
    """The fault is on, and strikes what is there already; with `count` 0 it clears those of its kind and phone."""
    faults = current(turn.world, turn.now)
    starts = turn.now + (request.after if request.kind in STARTS_LATER else 0.0)
    fault = Fault(
        id=turn.token(),
        kind=request.kind,
        phone=request.phone,
        code=request.code,
        after=request.after,
        remaining=request.count,
        starts=starts,
        ends=None if request.seconds is None else starts + request.seconds,
        at_login=request.at_login,
    )
    if request.count == 0:
        faults[:] = [old for old in faults if old.kind is not request.kind or request.phone not in (None, old.phone)]
        return fault
    if len(faults) >= MAX_FAULTS:
        raise Conflict("faults.full", f"there are {MAX_FAULTS} faults already")
    faults.append(fault)
    _strike_at_once(turn, fault)
    return fault


def _strike_at_once(turn: Turn, fault: Fault) -> None:
    """The first strike of faults that need no stanza: on what is connected, or was delivered, already."""
    accounts = turn.world.accounts
    people = list(accounts.values()) if fault.phone is None else [accounts[p] for p in (fault.phone,) if p in accounts]
    companions = [device for person in people for device in person.companions]
    devices = [device for device in companions if device.connection is not None]
    if fault.kind in (FaultKind.DROP, FaultKind.STREAM_ERROR) and devices:
        use(turn.world, fault)
        for device in devices:
            turn.later(fault.after, partial(break_connection, device=device, kind=fault.kind, code=fault.code))
    elif fault.kind is FaultKind.REDELIVER:
        _redeliver(turn, fault, companions if fault.at_login else devices)


def _redeliver(turn: Turn, fault: Fault, devices: list[Device]) -> None:
    """The last `count` messages of each device come again; with fewer than that, the next ones do."""
    count = fault.remaining or 1
    most = 0
    for device in devices:
        again = (confirmed(device) if fault.at_login else device.recent)[-count:]
        most = max(most, len(again))
        if fault.at_login:
            turn.later(fault.after, partial(requeue, device=device, nodes=again))
            continue
        for node in again:
            turn.later(fault.after, partial(redeliver, device=device, node=node))
    for _ in range(most):
        use(turn.world, fault)
