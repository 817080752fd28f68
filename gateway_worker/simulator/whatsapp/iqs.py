"""Queries (`<iq>`): who answers which, and the many small ones. Pure.

A handler returns the content of the result; a single `<error>` makes it an error. A query that nobody knows is answered
with 501 and counted, so that a client that needs it is noticed.
"""

from collections.abc import Callable
from functools import partial

from gateway_worker.simulator.whatsapp.appstate import on_app_state_iq
from gateway_worker.simulator.whatsapp.blocking import on_blocklist_iq
from gateway_worker.simulator.whatsapp.groups.iqs import on_group_iq
from gateway_worker.simulator.whatsapp.login import remove_device
from gateway_worker.simulator.whatsapp.notifications import set_new_chats
from gateway_worker.simulator.whatsapp.offline import send_backlog
from gateway_worker.simulator.whatsapp.passkeys import PASSKEY_STEPS
from gateway_worker.simulator.whatsapp.prekeys import on_encrypt_iq
from gateway_worker.simulator.whatsapp.privacy import on_privacy_iq
from gateway_worker.simulator.whatsapp.profile_iqs import on_contact_link_iq, on_graph_iq, on_status_iq
from gateway_worker.simulator.whatsapp.profiles import on_picture_iq
from gateway_worker.simulator.whatsapp.registration import on_link_code_iq, on_pair_device_sign, on_passkey_iq
from gateway_worker.simulator.whatsapp.usync import on_usync_iq
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import Fault, FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import SERVER
from gateway_worker.simulator.world.media import authorize
from gateway_worker.simulator.world.model import Connection
from gateway_worker.simulator.world.phone_records import TIMERS
from gateway_worker.simulator.world.turn import Turn

Handler = Callable[[Turn, Connection, Node, Node], list[Node]]

_NOTHING = Node("none")


def on_iq(turn: Turn, connection: Connection, iq: Node) -> None:
    """A query of a client, or its answer to one of ours."""
    if iq.attrs.get("type") in ("result", "error"):
        if iq.child("pair-device-sign"):
            on_pair_device_sign(turn, connection, iq)
        return
    children = iq.children()
    query = children[0] if children else _NOTHING
    namespace = iq.attrs.get("xmlns", "")
    if connection.device is None and namespace not in _BEFORE_LOGIN:
        raise NodeError(f"{namespace} before login")
    content = _answer(turn, connection, iq, query)
    if _is_struck(turn, connection, iq, FaultKind.MUTE_QUERY):
        return
    refused = len(content) == 1 and content[0].tag == "error"
    attrs = {"from": iq.attrs.get("to", SERVER), "type": "error" if refused else "result", "id": iq.attr("id")}
    turn.send(connection.id, Node("iq", attrs, content or None))


def _answer(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """What the query is answered."""
    if fault := _is_struck(turn, connection, iq, FaultKind.REFUSE_QUERY):
        return [Node("error", {"code": str(fault.code), "text": "refused"})]
    handler = _HANDLERS.get(iq.attrs.get("xmlns", ""), _unknown)
    try:
        return handler(turn, connection, iq, query)
    except NodeError:
        turn.world.stats.malformed += 1
        return [Node("error", {"code": "400", "text": "bad-request"})]


def _is_struck(turn: Turn, connection: Connection, iq: Node, kind: FaultKind) -> Fault | None:
    """The fault that hits this query, if it changes a group (others would be hit by chance: pings, prekeys …)."""
    if not turn.world.faults or connection.device is None:
        return None
    changes_a_group = iq.attrs.get("xmlns") == "w:g2" and iq.attrs.get("type") == "set"
    return strike(turn.world, turn.now, kind, connection.device.account.phone) if changes_a_group else None


def _unknown(turn: Turn, _connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    turn.world.stats.unknown_iqs += 1
    return [Node("error", {"code": "501", "text": "feature-not-implemented"})]


def _nothing(_turn: Turn, _connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    return []


def _passive(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """`active`: the client is ready for its offline queue (Baileys asks for batches besides). The tag is echoed."""
    if query.tag == "active":
        turn.later(0.0, partial(_push_backlog, connection=connection))
    return [Node(query.tag)]


def _push_backlog(turn: Turn, connection: Connection) -> None:
    if turn.world.connections.get(connection.id) is connection:
        send_backlog(turn, connection)


def _multi_device(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    match query.tag:
        case "link_code_companion_reg":
            return on_link_code_iq(turn, connection, iq, query)
        case step if step in PASSKEY_STEPS and connection.device is None:
            return on_passkey_iq(turn, connection, iq, query)
        case "remove-companion-device" if connection.device is not None:
            # The client logs itself out. It hears that it was done, and its connection ends.
            turn.later(0.0, partial(_log_out, connection=connection))
            return []
        case _:
            return _unknown(turn, connection, iq, query)


def _log_out(turn: Turn, connection: Connection) -> None:
    device = connection.device
    if device is not None and device.account.devices.get(device.number) is device:
        remove_device(turn, device, notify=True)


def _properties(_turn: Turn, _connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    attrs = {"protocol": "1", "ab_key": "simulator", "hash": "sim1", "refresh": "86400", "refresh_id": "1"}
    return [Node("props", attrs, [Node("prop", {"config_code": "10518", "config_value": "1"})])]


def _missing(_turn: Turn, _connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    return [Node("error", {"code": "404", "text": "item-not-found"})]


def _media(turn: Turn, connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    device = connection.device
    assert device is not None
    auth = authorize(turn, device.account.phone)
    attrs = {"auth": auth, "ttl": "300", "auth_ttl": "21600", "max_buckets": "12"}
    host = Node(
        "host", {"hostname": turn.world.media_authority, "maxContentLengthBytes": str(turn.world.media.largest)}
    )
    return [Node("media_conn", attrs, [host])]


def _new_chats(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    device = connection.device
    assert device is not None
    seconds = int(query.attr("duration")) if query.attr("duration").isdecimal() else None
    if seconds not in TIMERS:
        raise NodeError("a duration that WhatsApp does not offer")
    set_new_chats(turn, device, seconds)
    return []


def _bots(_turn: Turn, _connection: Connection, _iq: Node, _query: Node) -> list[Node]:
    return [Node("bot", {}, [])]


_HANDLERS: dict[str, Handler] = {
    "abt": _properties,
    "blocklist": on_blocklist_iq,
    "bot": _bots,
    "disappearing_mode": _new_chats,
    "encrypt": on_encrypt_iq,
    "md": _multi_device,
    "passive": _passive,
    "privacy": on_privacy_iq,
    "status": on_status_iq,
    "tos": _nothing,
    "urn:xmpp:ping": _nothing,
    "urn:xmpp:whatsapp:dirty": _nothing,
    "usync": on_usync_iq,
    "w:biz": _missing,
    "w:g2": on_group_iq,
    "w:m": _media,
    "w:mex": on_graph_iq,
    "w:p": _nothing,
    "w:profile:picture": on_picture_iq,
    "w:qr": on_contact_link_iq,
    "w:stats": _nothing,
    "w:sync:app:state": on_app_state_iq,
}
_BEFORE_LOGIN = frozenset({"md", "w:p", "urn:xmpp:ping", "passive", "tos"})
