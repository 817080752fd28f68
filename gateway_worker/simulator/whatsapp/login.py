"""Login of a linked device, and the ends of connections. Pure."""

from functools import partial

from gateway_worker.simulator.whatsapp.notifications import devices_changed
from gateway_worker.simulator.whatsapp.offline import announce
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import Login
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import LID_SERVER, SERVER
from gateway_worker.simulator.world.model import Connection, Device
from gateway_worker.simulator.world.turn import Turn

UNAUTHORIZED = 401
REPLACED = 440
RESTART = 515


def on_login(turn: Turn, connection: Connection, login: Login) -> None:
    """A client says it is a linked device; it must hold the Noise key the device was linked with."""
    account = turn.world.accounts.get(login.username)
    device = account.devices.get(login.device) if account and login.device else None
    if device is None or device.noise_static != connection.noise_static:
        fail(turn, connection, UNAUTHORIZED)
        return
    if fault := strike(turn.world, turn.now, FaultKind.REJECT_LOGIN, device.account.phone):
        fail(turn, connection, fault.code)
        return
    if login.push_name:
        device.account.name = login.push_name
    if (old := turn.world.connection_of(device)) is not None:
        old.device = None
        stream_error(turn, old, REPLACED)
    connection.device, device.connection = device, connection.id
    device.logins += 1
    turn.world.stats.logins += 1
    _greet(turn, device, connection)
    _strike_after_login(turn, device)


def _greet(turn: Turn, device: Device, connection: Connection) -> None:
    success = {
        "t": turn.t,
        "lid": device.jid(LID_SERVER),
        "props": "27",
        "location": "sim",
        "creation": "1600000000",
        "companion_enc_static": "",
    }
    turn.send(connection.id, Node("success", success))
    routing = Node("edge_routing", {}, [Node("routing_info", {}, b"\x08\x0c\x08\x05")])
    turn.send(connection.id, Node("ib", {"from": SERVER}, [routing]))
    dirty = Node("dirty", {"type": "account_sync", "timestamp": turn.t})
    turn.send(connection.id, Node("ib", {"from": SERVER}, [dirty]))
    announce(turn, device, connection)


def fail(turn: Turn, connection: Connection, code: int) -> None:
    """Refuses a login or registration."""
    turn.world.stats.logins_refused += 1
    attrs = {"reason": str(code), "location": "sim"}
    if code == 402:  # noqa: PLR2004 - the temporary ban is the one failure with more to say
        attrs |= {"code": "101", "expire": "3600"}
    turn.send(connection.id, Node("failure", attrs))
    turn.close(connection.id)


def stream_error(turn: Turn, connection: Connection, code: int) -> None:
    """Ends a stream the way WhatsApp does for this cause."""
    match code:
        case 440:
            error = Node("stream:error", {}, [Node("conflict", {"type": "replaced"})])
        case 401:
            error = Node("stream:error", {"code": "401"}, [Node("conflict", {"type": "device_removed"})])
        case _:
            error = Node("stream:error", {"code": str(code)})
    turn.send(connection.id, error)
    turn.close(connection.id)


def remove_device(turn: Turn, device: Device, *, notify: bool) -> None:
    """Unlinks a companion, for good: its connection ends, its queue goes, others are told."""
    device.account.devices.pop(device.number, None)
    device.queue.clear()
    devices_changed(turn, device, added=False)
    if notify and (connection := turn.world.connection_of(device)) is not None:
        stream_error(turn, connection, UNAUTHORIZED)


def break_connection(turn: Turn, device: Device, kind: FaultKind, code: int) -> None:
    """The faults `drop` and `stream_error` strike a connection."""
    connection = turn.world.connection_of(device)
    if connection is None:
        return
    if kind is FaultKind.DROP:
        turn.close(connection.id, abrupt=True)
    else:
        stream_error(turn, connection, code)


def _strike_after_login(turn: Turn, device: Device) -> None:
    for kind in (FaultKind.DROP, FaultKind.STREAM_ERROR):
        if fault := strike(turn.world, turn.now, kind, device.account.phone):
            turn.later(fault.after, partial(break_connection, device=device, kind=kind, code=fault.code))
