"""Queries about how people show themselves: status texts, contact links, channels. Pure.

Sources: whatsmeow (`user.go`, `newsletter.go`) and Baileys (`chats.js`, `mex.js`).
"""

import json
from typing import Any, cast

from gateway_worker.simulator.whatsapp.profiles import set_about
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Connection
from gateway_worker.simulator.world.turn import Turn

MAX_ABOUT = 1_024
MAX_QUERY = 65_536
_CODE_SIZE = 10


def on_status_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """The account's own status text: asked for, or another from now on."""
    device = connection.device
    assert device is not None
    if iq.attrs.get("type") == "set" and query.tag == "status":
        set_about(turn, device.account, _text(query)[:MAX_ABOUT])
        return []
    return [Node("status", {"t": turn.t}, device.account.about.encode())]


def on_contact_link_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """`set`: the code of the account's own link (`revoke`: a new one). `get`: whose a code is, 404 for nobody's."""
    device = connection.device
    assert device is not None
    world, account = turn.world, device.account
    if iq.attrs.get("type") == "set":
        if not account.contact_code or query.attrs.get("action") == "revoke":
            account.contact_code = turn.token(_CODE_SIZE)
        return [Node("qr", {"code": account.contact_code, "type": "contact"})]
    code = query.attrs.get("code", "")
    owner = next((each for each in world.accounts.values() if code and each.contact_code == code), None)
    if owner is None:
        return [Node("error", {"code": "404", "text": "item-not-found"})]
    return [Node("qr", {"jid": owner.pn_jid, "notify": owner.name, "type": "contact"})]


def on_graph_iq(turn: Turn, connection: Connection, _iq: Node, query: Node) -> list[Node]:
    """GraphQL: the channels that the account follows (none), and its status text. Everything else is unknown."""
    device = connection.device
    assert device is not None
    variables = _variables(query)
    if not variables:
        return _graph({"xwa2_newsletter_subscribed": []})
    asked = variables.get("input")
    wanted: dict[str, Any] = cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}
    if isinstance(text := wanted.get("text"), str):
        set_about(turn, device.account, text[:MAX_ABOUT])
        return _graph({"xwa2_update_text_status": {"result": "SUCCESS"}})
    turn.world.stats.unknown_iqs += 1
    return [Node("error", {"code": "501", "text": "feature-not-implemented"})]


def _variables(query: Node) -> dict[str, Any]:
    content = query.content
    if not isinstance(content, bytes) or len(content) > MAX_QUERY:
        raise NodeError("no query")
    try:
        found: Any = json.loads(content).get("variables") or {}
        return dict(found)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NodeError("no query") from error


def _graph(data: dict[str, Any]) -> list[Node]:
    return [Node("result", {}, json.dumps({"data": data}).encode())]


def _text(node: Node) -> str:
    return node.content.decode(errors="replace") if isinstance(node.content, bytes) else ""
