"""Who sees what of a person: asked for, changed, and told to own companions. Pure.

Sources: Baileys (`chats.js`), whatsmeow (`privacysettings.go`), whatsapp-rust (`privacy.rs`): the values of each
setting are those of WhatsApp's own web client.
"""

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

_EVERYBODY = ("all", "contacts", "contact_blacklist", "none")
SETTINGS = {
    "last": _EVERYBODY,
    "online": ("all", "match_last_seen"),
    "profile": _EVERYBODY,
    "status": _EVERYBODY,
    "groupadd": _EVERYBODY,
    "calladd": ("all", "contacts", "known"),
    "readreceipts": ("all", "none"),
    "messages": ("all", "contacts"),
}
"""The values of each setting, the first of them where nobody has said another."""


def on_privacy_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """The account's settings; `set`: others from now on. `NodeError` for what the setting does not allow."""
    device = connection.device
    assert device is not None
    account = device.account
    if query.tag == "tokens":
        return [Node("tokens")]
    if iq.attrs.get("type") == "set":
        changed = query.children("category")
        if query.tag != "privacy" or not changed:
            raise NodeError("no setting")
        for category in changed:
            name, value = category.attr("name"), category.attr("value")
            if value not in SETTINGS.get(name, ()):
                raise NodeError("a setting does not know this value")
        for category in changed:
            set_privacy(turn, account, category.attr("name"), category.attr("value"), by=device)
        return [Node("privacy", {}, [Node("category", dict(each.attrs)) for each in changed])]
    return [Node("privacy", {}, [Node("category", each) for each in settings_of(account)])]


def settings_of(account: Account) -> list[dict[str, str]]:
    """Name and value of each."""
    return [{"name": name, "value": account.privacy.get(name, values[0])} for name, values in SETTINGS.items()]


def set_privacy(turn: Turn, account: Account, name: str, value: str, *, by: Device) -> None:
    """One of the account's devices changes a setting: its other companions are told."""
    account.privacy[name] = value
    told = Node("privacy", {}, [Node("category", {"name": name, "value": value})])
    for companion in account.companions:
        if companion is not by:
            attrs = {"from": account.pn_jid, "type": "account_sync", "id": turn.token(), "t": turn.t}
            deliver(turn, companion, Node("notification", attrs, [told]))


def is_hidden(account: Account, name: str, asker: Account) -> bool:
    """Whether this is not for whoever asks. Everybody but the account itself is a contact here."""
    return asker is not account and account.privacy.get(name) == "none"
