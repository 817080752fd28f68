"""What WhatsApp is reported to drop: messages whose stanza does not say what is in them. Pure.

The server cannot look into a message. Here the phones do, once they have decrypted it: they drop it as if it had never
come, tell nobody, and count it. What only names people in the wrong way arrives, but is not understood.
"""

from typing import Final

from gateway_worker.simulator.content.outside import Outside, outside_of
from gateway_worker.simulator.content.reading import parts_with_context, unwrap
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import BROADCAST_SERVER, GROUP_SERVER, LID_SERVER, PN_SERVER, parse_jid

_ONCE: Final = ("viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension")


def fault_of(stanza: Node, message: Message) -> str:
    """Why WhatsApp would drop a companion's message; empty: it would not. What is sent again is not held to it."""
    enc = stanza.children("enc")[-1]
    if "count" in enc.attrs:
        return ""
    server, expected = parse_jid(stanza.attrs["from"]).server, outside_of(message)
    if server == BROADCAST_SERVER or expected.loose:
        return ""
    if expected.may_be_plain and not _is_view_once(message) and _is_plain(stanza, enc):
        return ""
    if stanza.attrs.get("type") != expected.type:
        return "type"
    if expected.mediatype and enc.attrs.get("mediatype") != expected.mediatype:
        return "mediatype"
    return _fault_of_change(stanza, enc, expected, is_group=server == GROUP_SERVER)


def _is_plain(stanza: Node, enc: Node) -> bool:
    return stanza.attrs.get("type") == "text" and "mediatype" not in enc.attrs


def _is_view_once(message: Message) -> bool:
    """WhatsApp is reported to drop those that do not say what they are."""
    whole = message.deviceSentMessage.message if message.HasField("deviceSentMessage") else message
    return any(whole.HasField(name) for name in _ONCE)


def _fault_of_change(stanza: Node, enc: Node, expected: Outside, *, is_group: bool) -> str:
    if expected.edit and stanza.attrs.get("edit") != expected.edit:
        return "edit"
    # In groups whatsmeow says it of the keys that go with a message, not of the message
    if expected.hidden and not is_group and enc.attrs.get("decrypt-fail") != "hide":
        return "decryptFail"
    if expected.meta is not None:
        name, value = expected.meta
        if value not in [meta.attrs.get(name) for meta in stanza.children("meta")]:
            return "meta"
    return ""


def misnamed(stanza: Node, message: Message) -> list[str]:
    """What a phone does not understand of a message: `quote`, `mentions`. They name people otherwise than the chat."""
    context = _context_of(unwrap(message))
    server = parse_jid(stanza.attrs["from"]).server
    wanted = LID_SERVER if server in (LID_SERVER, GROUP_SERVER) else PN_SERVER
    if context is None or server == BROADCAST_SERVER:
        return []
    quote = context.stanzaId != "" and parse_jid(context.participant).server != wanted
    mentions = any(parse_jid(jid).server != wanted for jid in context.mentionedJid)
    return [*(["quote"] if quote else []), *(["mentions"] if mentions else [])]


def _context_of(bare: Message) -> ContextInfo | None:
    return next((part.contextInfo for part in parts_with_context(bare) if part.HasField("contextInfo")), None)
