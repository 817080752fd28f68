"""How people show themselves: pictures, found by query, and status texts; changes are told by notification. Pure."""

from gateway_worker.simulator.whatsapp.groups.changes import set_picture as set_group_picture
from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.whatsapp.privacy import is_hidden
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.media import store
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

MAX_PICTURE = 512 * 1024
"""Bytes of a picture that a companion sets."""
_JPEG = b"\xff\xd8\xff"
_NOT_FOUND = Node("error", {"code": "404", "text": "item-not-found"})


def set_picture(turn: Turn, account: Account, picture: bytes, *, by: Device | None = None) -> None:
    """The person has this picture from now on (JPEG), or none if it is empty; who knows the person is told."""
    account.picture = (turn.token(), store(turn, picture, frozenset({account.phone}))) if picture else None
    whose = {"jid": account.pn_jid}
    change = Node("set", whose | {"id": account.picture[0]}) if account.picture else Node("delete", whose)
    _notify(turn, account, "picture", change)
    for companion in account.companions:
        if companion is not by:  # which picture it is, it asks
            attrs = {"from": account.pn_jid, "type": "account_sync", "id": turn.token(), "t": turn.t}
            deliver(turn, companion, Node("notification", attrs, [Node("picture")]))


def set_about(turn: Turn, account: Account, text: str) -> None:
    """The person has another status text, or none; who knows the person is told."""
    account.about = text
    _notify(turn, account, "status", Node("set", {}, text.encode()))


def on_picture_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """Whose picture is where; 404 for who is unknown or has none, 401 for whom it is not. `set`: another one."""
    device = connection.device
    assert device is not None
    if iq.attrs.get("type") == "set":
        return _change_picture(turn, device, iq, query)
    whose = iq.attrs.get("target") or iq.attrs.get("to", "")
    kind = query.attrs.get("type", "preview")
    if parse_jid(whose).server == GROUP_SERVER:
        group = _group_of(turn, device, whose)
        return [_NOT_FOUND if group is None or group.picture is None else _shown(turn, kind, group.picture)]
    account, _ = turn.world.find(whose)
    if account is None or account.picture is None:
        return [_NOT_FOUND]
    if is_hidden(account, "profile", device.account):
        return [Node("error", {"code": "401", "text": "not-authorized"})]
    return [_shown(turn, kind, account.picture)]


def _shown(turn: Turn, kind: str, picture: tuple[str, str]) -> Node:
    id_, direct_path = picture
    url = f"https://{turn.world.media_authority}{direct_path}"
    return Node("picture", {"id": id_, "type": kind, "url": url, "direct_path": direct_path})


def _group_of(turn: Turn, device: Device, jid: str) -> Group | None:
    """The group, for a member; None for others."""
    group = turn.world.groups.get(parse_jid(jid).user)
    return group if group is not None and device.account.phone in group.members else None


def _change_picture(turn: Turn, device: Device, iq: Node, query: Node) -> list[Node]:
    """Another picture, or none, of the account or a group (`target`); 406 for no JPEG of a size that clients send."""
    picture = query.content if query.tag == "picture" and isinstance(query.content, bytes) else b""
    if query.tag == "picture" and not (picture.startswith(_JPEG) and len(picture) <= MAX_PICTURE):
        return [Node("error", {"code": "406", "text": "not-acceptable"})]
    if target := iq.attrs.get("target"):
        return _change_group(turn, device, target, picture)
    set_picture(turn, device.account, picture, by=device)
    return [Node("picture", {"id": device.account.picture[0]})] if device.account.picture else []


def _change_group(turn: Turn, device: Device, jid: str, picture: bytes) -> list[Node]:
    """404 where the account is no member, 403 where only admins may."""
    group = _group_of(turn, device, jid)
    if group is None:
        return [_NOT_FOUND]
    if not group.may_describe(device.account.phone):
        return [Node("error", {"code": "403", "text": "forbidden"})]
    set_group_picture(turn, device, group, picture)
    return [Node("picture", {"id": group.picture[0]})] if group.picture else []


def _notify(turn: Turn, account: Account, kind: str, change: Node) -> None:
    for phone in account.watchers:
        for device in turn.world.accounts[phone].companions:
            attrs = {"from": account.pn_jid, "type": kind, "id": turn.token(), "t": turn.t}
            deliver(turn, device, Node("notification", attrs, [change]))
