"""Whom people have blocked: asked for, changed, and told to own companions. Pure.

Sources: whatsmeow (`user.go`), Baileys (`chats.js`), whatsapp-rust (`blocklist.rs`). People are listed by their LID;
whoever is added has the number beside it, or the server answers 400.
"""

from base64 import b64encode
from hashlib import sha256

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import LID_SERVER
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

MAX_BLOCKED = 1_000


def on_blocklist_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """The account's list; `set`: somebody is put on it, or taken off. `NodeError` for who is not named as wanted."""
    device = connection.device
    assert device is not None
    account = device.account
    if iq.attrs.get("type") == "set":
        blocked = query.attr("action") == "block"
        person, address = turn.world.find(query.attr("jid"))
        if query.tag != "item" or query.attr("action") not in ("block", "unblock"):
            raise NodeError("neither block nor unblock")
        if person is None or person is account or address.server != LID_SERVER:
            raise NodeError("a person is blocked by the LID")
        if blocked and (query.attrs.get("pn_jid") != person.pn_jid or len(account.blocked) >= MAX_BLOCKED):
            raise NodeError("a person is blocked with the number beside the LID")
        set_blocked(turn, account, person, blocked=blocked, by=device)
    items = [Node("item", {"jid": turn.world.accounts[phone].lid_jid}) for phone in account.blocked]
    return [Node("list", {"matched": "false", "dhash": _hash(turn, account)}, items)]


def set_blocked(turn: Turn, account: Account, person: Account, *, blocked: bool, by: Device) -> None:
    """One of the account's devices blocks a person, or no longer: its other companions are told."""
    before = _hash(turn, account)
    if blocked:
        account.blocked[person.phone] = None
    else:
        account.blocked.pop(person.phone, None)
    change = Node("item", {"jid": person.lid_jid, "action": "block" if blocked else "unblock"})
    told = Node("blocklist", {"dhash": _hash(turn, account), "prev_dhash": before}, [change])
    for companion in account.companions:
        if companion is not by:
            attrs = {"from": account.pn_jid, "type": "account_sync", "id": turn.token(), "t": turn.t}
            deliver(turn, companion, Node("notification", attrs, [told]))


def has_blocked(account: Account, person: Account) -> bool:
    """Whether nothing of this person reaches the account."""
    return person.phone in account.blocked


def _hash(turn: Turn, account: Account) -> str:
    lids = sorted(turn.world.accounts[phone].lid for phone in account.blocked)
    return b64encode(sha256(",".join(lids).encode()).digest()[:12]).decode()
