"""No stanza, however odd, breaks the core: it is answered, refused or ignored."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_worker.simulator.wire.nodes import Node
from tests.unit.simulator.stage import Client, Stage

TAGS = [
    "iq",
    "message",
    "receipt",
    "ack",
    "presence",
    "chatstate",
    "ib",
    "notification",
    "call",
    "participants",
    "to",
    "enc",
    "device-identity",
    "list",
    "item",
    "user",
    "contact",
    "devices",
    "lid",
    "query",
    "usync",
    "key",
    "skey",
    "id",
    "value",
    "signature",
    "registration",
    "identity",
    "type",
    "count",
    "digest",
    "rotate",
    "sync",
    "collection",
    "patch",
    "create",
    "participant",
    "participating",
    "retry",
    "keys",
    "offline_batch",
    "composing",
    "paused",
    "pair-device-sign",
    "remove-companion-device",
    "link_code_companion_reg",
    "link_code_pairing_wrapped_companion_ephemeral_pub",
    "active",
    "tokens",
]
NAMES = [
    "id",
    "to",
    "from",
    "type",
    "class",
    "xmlns",
    "participant",
    "recipient",
    "jid",
    "count",
    "name",
    "version",
    "v",
    "t",
    "category",
    "stage",
    "subject",
    "error",
    "media",
]
VALUES = [
    "get",
    "set",
    "result",
    "error",
    "s.whatsapp.net",
    "15550000001@s.whatsapp.net",
    "15550000001:1@s.whatsapp.net",
    "15550000002:0@lid",
    "1@g.us",
    "status@broadcast",
    "usync",
    "encrypt",
    "md",
    "w:g2",
    "w:sync:app:state",
    "passive",
    "privacy",
    "message",
    "receipt",
    "retry",
    "read-self",
    "sender",
    "pkmsg",
    "msg",
    "skmsg",
    "2",
    "1",
    "0",
    "-1",
    "99999999999999999999",
    "regular",
    "critical_block",
    "peer",
    "available",
    "subscribe",
    "text",
    "companion_hello",
    "companion_finish",
    ":",
    "@",
    ":@",
    "x@y@z",
]

attrs = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES), st.text(max_size=8)), max_size=6)
contents = st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([b"+15550000001", b"\x33" * 80, bytes(32)]))
leaves = st.builds(Node, st.sampled_from(TAGS), attrs, contents)
trees = st.recursive(
    leaves, lambda inner: st.builds(Node, st.sampled_from(TAGS), attrs, st.lists(inner, max_size=3)), max_leaves=8
)


@given(st.lists(trees, max_size=6))
@settings(max_examples=100)
def test_any_stanzas_are_taken(nodes: list[Node]) -> None:
    stage, client, registering = _cast()
    for node in nodes:
        client.say(node)
        registering.say(node)
    stage.run(5)
    assert client.ask("w:p", Node("ping")).attrs["type"] == "result" or client.id in stage.closed


def _cast() -> tuple[Stage, Client, Client]:
    """A logged-in companion and one that registers."""
    stage = Stage()
    client = stage.companion(stage.person(), prekeys=3)
    registering = Client(stage)
    registering.register()
    return stage, client, registering
