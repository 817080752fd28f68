"""Presence (online, offline, push name) and chat states (typing, recording, paused). Never queued. Pure."""

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.model import Account, Connection
from gateway_worker.simulator.world.turn import Turn

MAX_NAME = 128
MAX_SUBSCRIBERS = 1_024


def on_presence(turn: Turn, connection: Connection, node: Node) -> None:
    """`available` (without a type too) or `unavailable`, with the push name, or `subscribe` to somebody's presence."""
    device = connection.device
    assert device is not None
    if name := node.attrs.get("name"):
        device.account.name = name[:MAX_NAME]
    match node.attrs.get("type", "available"):
        case "subscribe":
            account, _ = turn.world.find(node.attrs.get("to", ""))
            if account and len(account.presence_subscribers) < MAX_SUBSCRIBERS:
                account.presence_subscribers[device.account.phone] = None
                _notify(turn, device.account, account)
        case "available" | "unavailable" as state:
            device.available = state == "available"
            announce(turn, device.account)
        case _:
            return


def announce(turn: Turn, account: Account) -> None:
    """Tells the subscribers how somebody's presence is now."""
    for phone in account.presence_subscribers:
        if subscriber := turn.world.accounts.get(phone):
            _notify(turn, subscriber, account)


def _notify(turn: Turn, subscriber: Account, account: Account) -> None:
    online = account.primary.available or any(device.available for device in account.companions)
    attrs = {"from": account.pn_jid, "type": "available" if online else "unavailable"}
    if not online:
        attrs["last"] = "deny"
    for device in subscriber.companions:
        if device.connection is not None:
            turn.send(device.connection, Node("presence", attrs))


def on_chatstate(turn: Turn, connection: Connection, node: Node) -> None:
    """A companion types, records or has stopped; the other side is told if it is connected."""
    device = connection.device
    assert device is not None
    children = node.children()
    to = node.attrs.get("to", "")
    if len(children) != 1 or children[0].tag not in ("composing", "paused"):
        turn.world.stats.malformed += 1
        return
    address = parse_jid(to)
    if address.server == GROUP_SERVER:
        group = turn.world.groups.get(address.user)
        people = [turn.world.accounts[phone] for phone in group.members] if group else []
        attrs = {"from": to, "participant": device.account.lid_jid}
    else:
        account, _ = turn.world.find(to)
        people = [account] if account else []
        attrs = {"from": device.account.jid(address.server)}
    for person in people:
        if person is not device.account:
            chat_state(turn, device.account, person, Node("chatstate", attrs, children))


def chat_state(turn: Turn, author: Account, person: Account, node: Node) -> None:
    """A chat state for all devices of a person."""
    person.primary.see_chat_state(author.pn_jid, node.children()[0], turn.now)
    for target in person.companions:
        if target.connection is not None:
            turn.send(target.connection, node)
