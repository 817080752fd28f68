"""How people show themselves: pictures, found by query, and status texts; changes are told by notification. Pure."""

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.media import store
from gateway_worker.simulator.world.model import Account, Connection
from gateway_worker.simulator.world.turn import Turn


def set_picture(turn: Turn, account: Account, picture: bytes) -> None:
    """The person has this picture from now on (JPEG), or none if it is empty; who knows the person is told."""
    account.picture = (turn.token(), store(turn, picture, frozenset({account.phone}))) if picture else None
    whose = {"jid": account.pn_jid}
    change = Node("set", whose | {"id": account.picture[0]}) if account.picture else Node("delete", whose)
    _notify(turn, account, "picture", change)


def set_about(turn: Turn, account: Account, text: str) -> None:
    """The person has another status text, or none; who knows the person is told."""
    account.about = text
    _notify(turn, account, "status", Node("set", {}, text.encode()))


def on_picture_iq(turn: Turn, _connection: Connection, iq: Node, query: Node) -> list[Node]:
    """Whose picture is where; 404 for who is unknown or has none."""
    account, _ = turn.world.find(iq.attrs.get("target") or iq.attrs.get("to", ""))
    if account is None or account.picture is None:
        return [Node("error", {"code": "404", "text": "item-not-found"})]
    id_, direct_path = account.picture
    url = f"https://{turn.world.media_authority}{direct_path}"
    kind = query.attrs.get("type", "preview")
    return [Node("picture", {"id": id_, "type": kind, "url": url, "direct_path": direct_path})]


def _notify(turn: Turn, account: Account, kind: str, change: Node) -> None:
    for phone in account.watchers:
        for device in turn.world.accounts[phone].companions:
            attrs = {"from": account.pn_jid, "type": kind, "id": turn.token(), "t": turn.t}
            deliver(turn, device, Node("notification", attrs, [change]))
