"""App state (`w:sync:app:state`): versioned collections of encrypted patches. Pure.

WhatsApp's server cannot read them; a phone would notice much later that a companion's patch is wrong. Here it does at
once, and the patch is refused.
"""

from google.protobuf.message import DecodeError

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.app_state import Collection, read_patch, snapshot_of
from gateway_worker.simulator.wire.errors import AppStateError, NodeError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ExternalBlobReference, SyncdPatch
from gateway_worker.simulator.wire.media import KEY_SIZE, seal
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.app_state import StateEntry, StoredCollection
from gateway_worker.simulator.world.media import store
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

COLLECTIONS = frozenset({"critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"})
_OWN_NAME = ("setting_pushName",)
"""What the account calls itself: the server announces it to others."""
MAX_PATCHES = 5_000
"""Per collection; above that the oldest go, and who has not read them gets a snapshot."""
MAX_RECORDS = 100_000
"""Per collection; above that further patches are refused."""
MAX_PATCH = 1 << 20
PAGE = 50
"""Patches of one answer; more are asked for."""
FEW = 20
"""As long as a collection has so few patches, who is new gets these, not a snapshot."""


def on_app_state_iq(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """A `<sync>`: each collection with a patch is written, each without one is read from the client's version."""
    device = connection.device
    assert device is not None
    collections = query.children("collection")
    if len(collections) > len(COLLECTIONS) or any(c.attr("name") not in COLLECTIONS for c in collections):
        raise NodeError("not the collections of app state")
    return [Node("sync", {}, [_collection(turn, device, collection) for collection in collections])]


def stored(account: Account, name: str) -> StoredCollection:
    """A collection of an account, made when it is first needed."""
    if name not in account.collections:
        account.collections[name] = StoredCollection(standing=Collection(name=name))
    return account.collections[name]


def _collection(turn: Turn, device: Device, collection: Node) -> Node:
    name, text = collection.attr("name"), collection.attrs.get("version") or "0"
    version = int(text) if text.isdigit() else -1
    known = stored(device.account, name)
    patch = collection.child("patch")
    if patch is None:
        return _read(turn, device, known, version, wants_all=collection.attrs.get("return_snapshot") == "true")
    current = known.standing.version
    if version != current:
        return _failed(name, current, "409", "conflict")
    if len(known.standing.records) >= MAX_RECORDS or len(patch.data) > MAX_PATCH:
        return _failed(name, current, "406", "not-acceptable")
    try:
        append(turn, device.account, name, patch.data, author=device)
    except AppStateError as error:
        turn.world.stats.refused_app_state(error.cause)
        return _failed(name, current, "400", "bad-request")
    return Node("collection", {"name": name, "version": str(known.standing.version), "type": "result"})


def append(turn: Turn, account: Account, name: str, patch: bytes, author: Device | None = None) -> None:
    """A device (the phone, if none is named) has written a patch; all others are told.

    Raises:
        AppStateError: it is not what follows on the collection.
    """
    known, message = stored(account, name), _parsed(patch)
    settings = read_patch(known.standing, message, account.primary.app_state_keys)
    known.standing = known.standing.after(message)
    message.version.version = known.standing.version
    known.patches.append(message.SerializeToString())
    del known.patches[:-MAX_PATCHES]
    number = 0 if author is None else author.number
    for each in settings:
        index = tuple(each.index)
        if each.action is None:
            account.primary.app_state.pop((name, index), None)
        else:
            entry = StateEntry(collection=name, index=index, action=each.action, device=number)
            account.primary.app_state[name, index] = entry
            if index == _OWN_NAME and (own := each.action.pushNameSetting.name):
                account.name = account.announced_name = own
    turn.world.stats.app_state_patches += 1
    _notify_others(turn, account, author, name, known.standing.version)


def _read(turn: Turn, device: Device, known: StoredCollection, version: int, *, wants_all: bool) -> Node:
    standing = known.standing
    device.app_state_read.add(standing.name)
    attrs = {"name": standing.name, "version": str(standing.version), "type": "result"}
    is_new = device.number not in known.readers and known.oldest == 0 and standing.version <= FEW
    if standing.version:
        known.readers.add(device.number)
    if standing.version and (version < known.oldest or (wants_all and not is_new)):
        turn.world.stats.app_state_snapshots += 1
        return Node("collection", attrs | {"has_more_patches": "false"}, [_snapshot(turn, device.account, standing)])
    new = known.patches[max(0, version - known.oldest) :]
    more = str(len(new) > PAGE).lower()
    patches = [Node("patch", {}, patch) for patch in new[:PAGE]]
    return Node("collection", attrs | {"has_more_patches": more}, [Node("patches", {}, patches)] if patches else None)


def _snapshot(turn: Turn, account: Account, standing: Collection) -> Node:
    """Puts the whole collection on the media host; the node tells where, and how it is read."""
    content, media_key = snapshot_of(standing), turn.world.entropy(KEY_SIZE)
    sealed = seal(content, media_key=media_key, kind="App State")
    reference = ExternalBlobReference(
        mediaKey=media_key,
        directPath=store(turn, sealed.blob, frozenset({account.phone})),
        fileSizeBytes=len(content),
        fileSha256=sealed.sha256,
        fileEncSha256=sealed.blob_sha256,
    )
    return Node("snapshot", {}, reference.SerializeToString())


def _parsed(patch: bytes) -> SyncdPatch:
    try:
        return SyncdPatch.FromString(patch)
    except DecodeError as error:
        raise AppStateError("malformed") from error


def _failed(name: str, version: int, code: str, text: str) -> Node:
    attrs = {"name": name, "type": "error", "version": str(version)}
    return Node("collection", attrs, [Node("error", {"code": code, "text": text})])


def _notify_others(turn: Turn, account: Account, author: Device | None, name: str, version: int) -> None:
    for device in account.companions:
        if device is not author:
            attrs = {"from": account.pn_jid, "type": "server_sync", "id": turn.token(), "t": turn.t}
            change = Node("collection", {"name": name, "version": str(version)})
            deliver(turn, device, Node("notification", attrs, [change]))
