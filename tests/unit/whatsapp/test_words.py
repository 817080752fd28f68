"""From the bridge's JSON to the port's words."""

import pytest

from gateway_worker.whatsapp.baileys.channel import CallFailed
from gateway_worker.whatsapp.baileys.words import changes_of, error_of, fact_of, merged, outgoing_args
from gateway_worker.whatsapp.port import (
    Cause,
    Connected,
    Disconnected,
    EngineError,
    NotConnected,
    OutcomeUnknown,
    OutgoingMessage,
    PasskeyRequired,
    Quoted,
    ReceiptArrived,
    ReceiptKind,
    RecipientUnknown,
    Refused,
    StoreRefused,
)
from schemas.content import LinkPreview, Text, Unsupported

KEY = {"chat": "1@s.whatsapp.net", "sender": "1:2@s.whatsapp.net", "message_id": "M", "index": 0}
MESSAGE = {
    "message_id": "M",
    "chat": "1@s.whatsapp.net",
    "sender": {"jid": "1@s.whatsapp.net", "lid": None, "phone": "+1", "push_name": "Bob"},
    "from_me": False,
    "is_group": False,
    "timestamp": 5,
    "quoted_id": "Q",
    "mentions": ["2@s.whatsapp.net"],
    "forwarded": True,
}


def _receipt(message_id: str, **changed: object) -> ReceiptArrived:
    fields = {"chat": "1@s.whatsapp.net", "kind": "read", "timestamp": 5, "participant": None, **changed}
    fact = fact_of({"fact": "receipt", "message_ids": [message_id], **fields})
    assert isinstance(fact, ReceiptArrived)
    return fact


def test_facts_have_the_ports_words() -> None:
    told = {"fact": "connected", "phone": "+1", "jid": "1@s.whatsapp.net", "lid": None, "push_name": None}
    assert fact_of(told) == Connected(phone="+1", jid="1@s.whatsapp.net", lid=None, push_name=None)
    assert fact_of({"fact": "passkey_required"}) == PasskeyRequired()
    end = fact_of({"fact": "disconnected", "cause": "replaced", "code": 440, "detail": "x"})
    assert end == Disconnected(cause=Cause.REPLACED, code=440, detail="x")
    assert _receipt("A").kind is ReceiptKind.READ
    with pytest.raises(ValueError, match="unknown fact"):
        fact_of({"fact": "weather"})


def test_receipts_that_differ_in_nothing_else_become_one() -> None:
    both = merged(_receipt("A"), _receipt("B"))
    assert both == ReceiptArrived(
        message_ids=["A", "B"], chat="1@s.whatsapp.net", kind=ReceiptKind.READ, timestamp=5, participant=None
    )
    for change in ({"chat": "2@s.whatsapp.net"}, {"kind": "delivered"}, {"timestamp": 6}, {"participant": "3@lid"}):
        assert merged(_receipt("A"), _receipt("B", **change)) is None
    assert merged(_receipt("A"), PasskeyRequired()) is None


def test_blobs_of_a_commit_find_their_places() -> None:
    told = {
        "credentials": True,
        "keys": [["session", "a.1", True], ["pre-key", "7", False], ["lid-mapping", "1", True]],
        "entries": [
            {"key": KEY, "message": {**MESSAGE, "content": {"kind": "text", "text": "hi"}}},
            {"key": {**KEY, "index": 1}, "message": None},
        ],
        "sent": ["OUT"],
    }
    changes = changes_of(told, [b"creds", b"ratchet", b"lid", b"p0", b"p1", b"out"])
    assert changes.credentials == b"creds"
    assert changes.keys == {("session", "a.1"): b"ratchet", ("pre-key", "7"): None, ("lid-mapping", "1"): b"lid"}
    assert [entry.plaintext for entry in changes.entries] == [b"p0", b"p1"]
    message = changes.entries[0].message
    assert message is not None
    assert (message.content, message.quoted_id, message.forwarded) == (Text(text="hi"), "Q", True)
    assert changes.entries[1].message is None
    assert changes.sent == {"OUT": b"out"}


def test_contents_keep_previews_and_name_what_is_not_supported() -> None:
    preview = {"url": "https://example.org", "title": "Example", "description": None}
    contents = [
        {"kind": "text", "text": "see", "link_preview": preview},
        {"kind": "unsupported", "whatsapp_type": "pollUpdateMessage"},
    ]
    entries = [{"key": KEY, "message": {**MESSAGE, "content": content}} for content in contents]
    changes = changes_of({"credentials": False, "keys": [], "entries": entries, "sent": []}, [b"", b""])
    assert [entry.message.content for entry in changes.entries if entry.message] == [
        Text(text="see", link_preview=LinkPreview(url="https://example.org", title="Example")),
        Unsupported(whatsapp_type="pollUpdateMessage"),
    ]


def test_an_outgoing_message_takes_its_quote_as_a_blob() -> None:
    quoted = Quoted(message_id="Q", sender="1@s.whatsapp.net", from_me=False, plaintext=b"quoted")
    message = OutgoingMessage(message_id="M", to="1@s.whatsapp.net", content=Text(text="hi"), quoted=quoted)
    args, blobs = outgoing_args(message)
    assert blobs == [b"quoted"]
    assert args["quoted"] == {"message_id": "Q", "sender": "1@s.whatsapp.net", "from_me": False}
    assert args["content"] == {"kind": "text", "text": "hi", "link_preview": None}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("not_connected", NotConnected),
        ("outcome_unknown", OutcomeUnknown),
        ("store_refused", StoreRefused),
        ("recipient_unknown", RecipientUnknown),
        ("refused", Refused),
        ("internal", EngineError),
    ],
)
def test_failures_are_the_ports_errors(kind: str, error: type[EngineError]) -> None:
    found = error_of(CallFailed(kind, {"code": 463, "text": "no"}))
    assert type(found) is error
    if isinstance(found, Refused):
        assert (found.code, found.text) == ("463", "no")
