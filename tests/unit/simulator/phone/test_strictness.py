"""What phones drop because WhatsApp is reported to, and what they do not understand."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from gateway_worker.simulator.phone.strictness import fault_of, misnamed
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage

PERSON, GROUP = "15550000001:1@s.whatsapp.net", "120363000000000000@g.us"
KEY = {"remoteJid": "15550000002@s.whatsapp.net", "fromMe": True, "id": "A"}
PHOTO: dict[str, Any] = {"imageMessage": {}}
NOTE: dict[str, Any] = {"ptvMessage": {}}
DOCUMENT: dict[str, Any] = {"documentMessage": {}}
EDIT = {"editedMessage": {"message": {"protocolMessage": {"type": "MESSAGE_EDIT", "key": KEY, "editedMessage": {}}}}}
BARE_EDIT = {"protocolMessage": {"type": "MESSAGE_EDIT", "key": KEY, "editedMessage": {"conversation": "b"}}}
DELETION = {"protocolMessage": {"type": "REVOKE", "key": KEY}}
REACTION = {"reactionMessage": {"key": KEY, "text": "x"}}
HIDE = {"decrypt-fail": "hide"}
PLACE: dict[str, Any] = {"locationMessage": {}}
LINK = {"extendedTextMessage": {"text": "a", "matchedText": "https://example.com", "title": "A"}}
HEADED = {"extendedTextMessage": {"text": "a", "title": "A"}}
CREATION, VOTE = {"polltype": "creation"}, {"polltype": "vote"}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message as a client sends it."""

    message: dict[str, Any]
    type: str = "text"
    enc: dict[str, str] = field(default_factory=dict[str, str])
    edit: str = ""
    meta: dict[str, str] = field(default_factory=dict[str, str])
    chat: str = PERSON

    def fault(self) -> str:
        """Why a phone drops it."""
        attrs = {"from": self.chat, "id": "M", "type": self.type} | ({"edit": self.edit} if self.edit else {})
        content = [Node("enc", {"v": "2", "type": "msg"} | self.enc, b"x")]
        content += [Node("meta", self.meta)] if self.meta else []
        return fault_of(Node("message", attrs, content), ParseDict(self.message, Message()))


def _once(message: dict[str, Any]) -> dict[str, Any]:
    return {"viewOnceMessageV2": {"message": message}}


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (Sent(message={"conversation": "a"}), ""),
        (Sent(message=PHOTO, type="media", enc={"mediatype": "image"}), ""),
        (Sent(message=PHOTO, type="media"), "mediatype"),
        (Sent(message=PHOTO, type="media", enc={"mediatype": "video"}), "mediatype"),
        (Sent(message=PHOTO), "type"),
        (Sent(message=_once(PHOTO), type="media"), "mediatype"),
        (Sent(message=_once(PHOTO), type="media", enc={"mediatype": "image"}), ""),
        (Sent(message=_once(PHOTO), type="media", chat=GROUP), "mediatype"),
        (Sent(message={"documentWithCaptionMessage": {"message": DOCUMENT}}, type="media"), "mediatype"),
        (Sent(message=NOTE), "type"),
        (Sent(message=NOTE, type="media"), "mediatype"),
        (Sent(message=_once(NOTE)), "type"),
        (Sent(message={"pollCreationMessageV3": {}}), ""),  # whatsmeow
        (Sent(message={"pollCreationMessageV3": {}}, type="poll"), "meta"),
        (Sent(message=NOTE, type="media", enc={"mediatype": "ptv"}), ""),
        (Sent(message=BARE_EDIT, edit="1"), "decryptFail"),
        (Sent(message=BARE_EDIT, edit="1", enc=HIDE), ""),
        (Sent(message=EDIT, edit="1", enc=HIDE), ""),
        (Sent(message=BARE_EDIT, enc=HIDE), "edit"),
        (Sent(message=DELETION, edit="7", enc=HIDE), ""),
        (Sent(message=DELETION, edit="7"), ""),
        (Sent(message=DELETION, enc=HIDE), "edit"),
        (Sent(message=REACTION, type="reaction", enc=HIDE), ""),
        (Sent(message=REACTION, type="reaction"), "decryptFail"),
        (Sent(message=REACTION), "type"),
        (Sent(message={"pollCreationMessage": {}}, type="poll", meta=CREATION), ""),
        (Sent(message={"pollCreationMessage": {}}, type="poll"), "meta"),
        (Sent(message={"pollUpdateMessage": {}}, type="poll", meta=VOTE, enc=HIDE), ""),
        (Sent(message={"pollUpdateMessage": {}}, type="poll", meta=CREATION, enc=HIDE), "meta"),
    ],
)
def test_a_stanza_has_to_say_what_is_in_it(sent: Sent, cause: str) -> None:
    assert sent.fault() == cause


@pytest.mark.parametrize(
    "sent",
    [
        Sent(message=PLACE),  # whatsmeow
        Sent(message=PLACE, type="media", enc={"mediatype": "location"}),  # whatsapp-rust
        Sent(message=LINK, type="media", enc={"mediatype": "url"}),
        Sent(message=REACTION, type="reaction", chat=GROUP),  # whatsmeow hides the keys of the group only
        Sent(message=BARE_EDIT, edit="1", chat=GROUP),
        Sent(message={"orderMessage": {}}, type="media"),  # whatsapp-rust
        Sent(message={"orderMessage": {}}, type="media", enc={"mediatype": "order"}),  # whatsmeow
        Sent(message={"protocolMessage": {"type": "EPHEMERAL_SETTING", "ephemeralExpiration": 86400}}),
        Sent(message=PHOTO, enc={"count": "1"}),  # sent again
        Sent(message=HEADED, type="media", enc={"mediatype": "url"}),  # whatsmeow
        Sent(message=HEADED),  # whatsapp-rust
        Sent(message={"lottieStickerMessage": {"message": {"stickerMessage": {}}}}, type="media"),  # whatsapp-rust
        Sent(message={"pollCreationMessageV5": {}}, type="poll"),  # whatsapp-rust
        Sent(message={"ephemeralMessage": {"message": {"pollCreationMessageV3": {}}}}, type="poll"),  # whatsapp-rust
    ],
)
def test_what_working_clients_send_is_taken(sent: Sent) -> None:
    assert sent.fault() == ""


@pytest.mark.parametrize(
    ("chat", "author", "mentioned", "not_understood"),
    [
        (PERSON, "15550000002@s.whatsapp.net", "15550000002@s.whatsapp.net", []),
        (PERSON, "100000000000002@lid", "15550000002@s.whatsapp.net", ["quote"]),
        (GROUP, "100000000000002@lid", "100000000000002@lid", []),
        (GROUP, "100000000000002@lid", "15550000002@s.whatsapp.net", ["mentions"]),
        (GROUP, "15550000002@s.whatsapp.net", "15550000002@s.whatsapp.net", ["quote", "mentions"]),
        ("100000000000001:1@lid", "15550000002@s.whatsapp.net", "100000000000002@lid", ["quote"]),
    ],
)
def test_who_is_named_otherwise_than_the_chat_does_is_not_understood(
    chat: str, author: str, mentioned: str, not_understood: list[str]
) -> None:
    context = {"stanzaId": "Q", "participant": author, "mentionedJid": [mentioned]}
    message = ParseDict({"extendedTextMessage": {"text": "a", "contextInfo": context}}, Message())
    assert misnamed(Node("message", {"from": chat}), message) == not_understood


@pytest.fixture
def a(stage: Stage) -> Client:
    return stage.companion(stage.person())


def test_what_is_dropped_is_counted_and_answered_by_nobody(stage: Stage, bob: Account, a: Client) -> None:
    stanza = a.stanza(bob, "hello", "M1")
    stanza.attrs["type"] = "media"
    a.say(stanza)
    stage.run()
    assert "M1" not in bob.primary.messages
    assert [(each.message_id, each.cause) for each in bob.primary.dropped] == [("M1", "type")]
    assert (stage.core.world.stats.dropped, stage.core.world.stats.dropped_causes) == (1, {"type": 1})
    assert a.got("ack", id="M1")
    assert not a.got("receipt", id="M1", **{"from": bob.pn_jid})


def test_a_lenient_simulator_shows_it(stage: Stage, bob: Account, a: Client) -> None:
    stage.core.world.strict = False
    stanza = a.stanza(bob, "hello", "M1")
    stanza.attrs["type"] = "media"
    a.say(stanza)
    assert bob.primary.messages["M1"].message.conversation == "hello"
    assert stage.core.world.stats.dropped == 0


def test_receipts_of_unknown_types_are_acknowledged_and_told_to_nobody(stage: Stage, bob: Account, a: Client) -> None:
    b = stage.companion(bob)
    a.write(bob, "hello", "M1")
    (arrived,) = b.got("message", id="M1")
    b.confirm(arrived, "admired")
    assert b.got("ack", id="M1", type="admired")
    assert not a.got("receipt", id="M1", type="admired")
    assert stage.core.world.stats.unknown_receipts == 1
