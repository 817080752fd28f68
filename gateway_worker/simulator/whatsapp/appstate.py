"""App state (`w:sync:app:state`): versioned collections of encrypted patches; the server cannot read them. Pure."""

from google.protobuf.message import DecodeError

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncdPatch
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

COLLECTIONS = frozenset({"critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"})
MAX_PATCHES = 5_000
"""Per collection; above that further ones are refused."""
MAX_PATCH = 1 << 20


def on_app_state_iq(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """A `<sync>`: each collection with a patch is written, each without one is read from the client's version."""
    device = connection.device
    assert device is not None
    collections = query.children("collection")
    if len(collections) > len(COLLECTIONS) or any(c.attr("name") not in COLLECTIONS for c in collections):
        raise NodeError("not the collections of app state")
    return [Node("sync", {}, [_collection(turn, device, collection) for collection in collections])]


def _collection(turn: Turn, device: Device, collection: Node) -> Node:
    name, text = collection.attr("name"), collection.attrs.get("version") or "0"
    version = int(text) if text.isdigit() else -1
    log = device.account.collections.setdefault(name, [])
    patch = collection.child("patch")
    if patch is None:
        return _read(name, log, version)
    if version != len(log):
        return _failed(name, len(log), "409", "conflict")
    if len(log) >= MAX_PATCHES or len(patch.data) > MAX_PATCH:
        return _failed(name, len(log), "406", "not-acceptable")
    append(turn, device.account, name, patch.data, author=device)
    return Node("collection", {"name": name, "version": str(len(log)), "type": "result"})


def append(turn: Turn, account: Account, name: str, patch: bytes, author: Device | None = None) -> None:
    """A device (the phone, if none is named) has written a patch; all others are told."""
    log = account.collections.setdefault(name, [])
    log.append(_numbered(patch, len(log) + 1))
    _notify_others(turn, account, author, name, len(log))


def _read(name: str, log: list[bytes], version: int) -> Node:
    new = [Node("patch", {}, patch) for patch in log[max(0, version) :]]
    attrs = {"name": name, "version": str(len(log)), "type": "result", "has_more_patches": "false"}
    return Node("collection", attrs, [Node("patches", {}, new)] if new else None)


def _numbered(patch: bytes, version: int) -> bytes:
    """The patch with the version that the server gives it."""
    try:
        message = SyncdPatch.FromString(patch)
    except DecodeError as error:
        raise NodeError("not a patch") from error
    message.version.version = version
    return message.SerializeToString()


def _failed(name: str, version: int, code: str, text: str) -> Node:
    attrs = {"name": name, "type": "error", "version": str(version)}
    return Node("collection", attrs, [Node("error", {"code": code, "text": text})])


def _notify_others(turn: Turn, account: Account, author: Device | None, name: str, version: int) -> None:
    for device in account.companions:
        if device is not author:
            attrs = {"from": account.pn_jid, "type": "server_sync", "id": turn.token(), "t": turn.t}
            change = Node("collection", {"name": name, "version": str(version)})
            deliver(turn, device, Node("notification", attrs, [change]))
