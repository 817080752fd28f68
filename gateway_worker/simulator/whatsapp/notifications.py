"""News of changed device lists, with the hashes that strict clients compare. Pure.

Own companions get `account_sync` with the full list; everybody who ever asked for the list gets `devices` twice, from
the PN (with the LID beside it) and from the LID (whatsmeow keys its cache by LID).
"""

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.linking.pairing import device_hash as hash_devices
from gateway_worker.simulator.wire.linking.pairing import key_index_list as sign_key_index_list
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import LID_SERVER, PN_SERVER
from gateway_worker.simulator.world.model import Account, Device
from gateway_worker.simulator.world.phone_records import ChatTimer
from gateway_worker.simulator.world.turn import Turn


def device_hash(account: Account, server: str) -> str:
    """The hash of an account's devices as PN or LID addresses."""
    user = account.user(server)
    return hash_devices((user, number, server) for number in account.devices)


def key_index_list(turn: Turn, account: Account) -> bytes:
    """The account's signed list of its valid companions (serialised `ADVSignedKeyIndexList`)."""
    if account.key_index is None:
        account.key_index = sign_key_index_list(
            account.identity,
            raw_id=account.raw_id,
            timestamp=int(turn.now),
            current_index=account.next_number - 1,
            valid_indexes=[number for number in account.devices if number],
        )
    return account.key_index


def devices_changed(turn: Turn, device: Device, *, added: bool) -> None:
    """A companion was linked or removed: tells own companions and those who know the device list."""
    account = device.account
    account.key_index = None
    for companion in account.companions:
        if companion is not device:
            deliver(turn, companion, _account_sync(turn, account))
    watchers = [account, *(turn.world.accounts[phone] for phone in account.watchers if phone != account.phone)]
    for watcher in watchers:
        for companion in watcher.companions:
            if companion is not device:
                for server in (PN_SERVER, LID_SERVER):
                    deliver(turn, companion, _devices(turn, device, server, added=added))


def set_new_chats(turn: Turn, device: Device, seconds: int) -> None:
    """A device of an account sets what its new chats begin with: the others are told."""
    account = device.account
    account.new_chats = ChatTimer(seconds=seconds, changed_at=int(turn.now))
    attrs = {"from": account.pn_jid, "type": "account_sync", "id": turn.token(), "t": turn.t}
    for companion in account.companions:
        if companion is not device:
            deliver(turn, companion, Node("notification", attrs, [disappearing_mode(account)]))


def disappearing_mode(account: Account) -> Node:
    """After how many seconds the messages of its new chats go, as WhatsApp tells everybody who asks."""
    timer = account.new_chats
    return Node("disappearing_mode", {"duration": str(timer.seconds), "t": str(timer.changed_at)})


def _account_sync(turn: Turn, account: Account) -> Node:
    devices = [
        Node("device", {"jid": device.jid()} | ({"key-index": str(number)} if number else {}))
        for number, device in account.devices.items()
    ]
    keys = Node("key-index-list", {"ts": turn.t}, key_index_list(turn, account))
    attrs = {"from": account.pn_jid, "type": "account_sync", "id": turn.token(), "t": turn.t}
    return Node("notification", attrs, [Node("devices", {"dhash": device_hash(account, PN_SERVER)}, [*devices, keys])])


def _devices(turn: Turn, device: Device, server: str, *, added: bool) -> Node:
    account = device.account
    attrs = {"from": account.jid(server), "type": "devices", "id": turn.token(), "t": turn.t}
    hashes = {"device_hash": device_hash(account, server)}
    change = {"jid": device.jid(server)}
    if server == PN_SERVER:
        attrs["lid"] = account.lid_jid
        hashes["device_lid_hash"] = device_hash(account, LID_SERVER)
        change["lid"] = device.jid(LID_SERVER)
    if added:
        change["key-index"] = str(device.number)
    keys = Node("key-index-list", {"ts": turn.t}, key_index_list(turn, account) if added else None)
    return Node("notification", attrs, [Node("add" if added else "remove", hashes, [Node("device", change), keys])])
