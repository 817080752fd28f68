"""User sync (`xmlns="usync"`): who is on WhatsApp, their devices and LIDs. Pure."""

from gateway_worker.simulator.whatsapp.notifications import device_hash, disappearing_mode, key_index_list
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import LID_SERVER, PN_SERVER, Jid, device_jid, parse_phone
from gateway_worker.simulator.world.model import Account, Connection
from gateway_worker.simulator.world.turn import Turn

MAX_USERS = 4_096
MAX_WATCHERS = 4_096


def on_usync_iq(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """One `<usync>`; every user is answered, unknown ones too. `NodeError` if it is malformed."""
    asker = connection.device
    assert asker is not None
    protocols = query.need("query").children()
    users = query.need("list").children("user")
    if len(users) > MAX_USERS:
        raise NodeError("too many users")
    answers = [_user(turn, asker.account, user, protocols) for user in users]
    names = [Node(protocol.tag) for protocol in protocols]
    return [Node("usync", dict(query.attrs), [Node("result", {}, names), Node("list", {}, answers)])]


def _user(turn: Turn, asker: Account, user: Node, protocols: list[Node]) -> Node:
    contact = user.child("contact")
    asked = contact.content if contact is not None and isinstance(contact.content, bytes) else None
    jid = user.attrs.get("jid")
    if jid is None:
        # Baileys asks for `+N`, whatsmeow for `+N@c.us`; both want their own text back.
        number = parse_phone(asked.decode(errors="replace").partition("@")[0]) if asked else None
        jid = device_jid(number or "0", 0, PN_SERVER)
    account, address = turn.world.dial(jid)
    content: list[Node] = []
    for protocol in protocols:
        if protocol.tag == "contact":
            content.append(_contact(account, address, asked))
        elif account is not None and (answer := _answer(turn, asker, protocol, account, address)):
            content.append(answer)
    return Node("user", _addresses(account, address, jid, protocols, by_number=asked is not None), content)


def _addresses(
    account: Account | None, address: Jid, jid: str, protocols: list[Node], *, by_number: bool
) -> dict[str, str]:
    if account is None:
        return {"jid": jid}
    prefers_lid = any(p.tag == "contact" and p.attrs.get("addressing_mode") == "lid" for p in protocols)
    if by_number and prefers_lid:
        return {"jid": account.lid_jid, "pn_jid": account.pn_jid}
    return {"jid": account.jid(address.server)}


def _contact(account: Account | None, address: Jid, asked: bytes | None) -> Node:
    echo = asked if asked is not None else f"+{address.user}".encode()
    return Node("contact", {"type": "in" if account else "out"}, echo)


def _answer(turn: Turn, asker: Account, protocol: Node, account: Account, address: Jid) -> Node | None:
    match protocol.tag:
        case "devices":
            return _devices(turn, asker, account, address)
        case "lid":
            return Node("lid", {"val": account.lid_jid})
        case "status":
            return Node("status", {"t": turn.t}, account.about.encode())
        case "disappearing_mode":
            return disappearing_mode(account)
        case _:
            return None


def _devices(turn: Turn, asker: Account, account: Account, address: Jid) -> Node:
    if len(account.watchers) < MAX_WATCHERS:
        account.watchers[asker.phone] = None
    server = LID_SERVER if address.server == LID_SERVER else PN_SERVER
    # Companions without a key-index are ignored by Baileys; device 0 has none.
    devices = [
        Node("device", {"id": str(number)} | ({"key-index": str(number)} if number else {}))
        for number in account.devices
    ]
    keys = Node("key-index-list", {"ts": turn.t}, key_index_list(turn, account))
    return Node("devices", {}, [Node("device-list", {"hash": device_hash(account, server)}, devices), keys])
