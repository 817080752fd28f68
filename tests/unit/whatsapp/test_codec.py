"""From the bridge's JSON to the port's words."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gateway_worker.whatsapp.baileys.channel import facts, messages
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.baileys.channel.errors import CallFailed
from gateway_worker.whatsapp.baileys.codec.attachments import FILES
from gateway_worker.whatsapp.baileys.codec.changes import READ_CHANGES
from gateway_worker.whatsapp.baileys.codec.codec import error_of, outgoing_args
from gateway_worker.whatsapp.baileys.codec.commits import changes_of
from gateway_worker.whatsapp.baileys.codec.contents import READ_CONTENTS
from gateway_worker.whatsapp.baileys.codec.facts import READ_FACTS, fact_of, merged
from gateway_worker.whatsapp.baileys.reading import read_fact
from gateway_worker.whatsapp.errors import (
    EngineError,
    NotConnected,
    OutcomeUnknown,
    RecipientUnknown,
    Refused,
    StoreRefused,
)
from gateway_worker.whatsapp.facts import (
    Cause,
    Connected,
    Disconnected,
    FactUnreadable,
    PasskeyCode,
    PasskeyRequired,
    ReceiptArrived,
    ReceiptKind,
)
from gateway_worker.whatsapp.incoming import ReceivedChange, ReceivedMessage, Unreadable
from gateway_worker.whatsapp.incoming_changes import (
    Answered,
    Changed,
    Commented,
    Edited,
    Kept,
    OptionAdded,
    Pinned,
    Reacted,
    Revoked,
    Voted,
)
from gateway_worker.whatsapp.outgoing import Edit, Forwarding, Original, OutgoingMessage, Reaction, Revocation
from schemas.content.content import ContactCard, Contacts, LinkPreview, Location, PlainText, Poll, Text, Unsupported

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
    "flags": {"mentions_all": False, "forwarded": True, "view_once": False},
    "ad": None,
    "association": None,
    "wrappers": [],
    "timer": None,
}

ATTEMPTS = ("ended_process", "Attempts", True)


def _receipt(message_id: str, **changed: object) -> ReceiptArrived:
    fields = {"chat": "1@s.whatsapp.net", "kind": "read", "timestamp": 5, "participant": None, **changed}
    fact = fact_of({"fact": "receipt", "message_ids": [message_id], **fields})
    assert isinstance(fact, ReceiptArrived)
    return fact


def test_facts_have_the_ports_words() -> None:
    payload = {"fact": "connected", "phone": "+1", "jid": "1@s.whatsapp.net", "lid": None, "push_name": None}
    assert fact_of(payload) == Connected(phone="+1", jid="1@s.whatsapp.net", lid=None, push_name=None)
    asked = {"fact": "passkey_required", "options": '{"challenge": "c"}', "expires_in": 600}
    assert fact_of(asked) == PasskeyRequired(options={"challenge": "c"}, expires_in=600)
    compared = {"fact": "passkey_confirm", "code": "ABCD-EFGH", "expires_in": 600}
    assert fact_of(compared) == PasskeyCode(code="ABCD-EFGH", expires_in=600)
    end = fact_of({"fact": "disconnected", "cause": "replaced", "code": 440, "detail": "x"})
    assert end == Disconnected(cause=Cause.REPLACED, code=440, detail="x")
    assert _receipt("A").kind is ReceiptKind.READ
    with pytest.raises(ValueError, match="unknown fact"):
        fact_of({"fact": "weather"})


def test_a_fact_that_the_bridge_could_not_describe_says_why() -> None:
    payload = {"fact": "receipt", "unreadable": "nobody gave novelty a limit", "payload": "{ novelty: 1 }"}
    fact = read_fact(payload)
    assert fact == FactUnreadable(fact="receipt", detail="nobody gave novelty a limit", payload=payload)


def test_receipts_that_differ_in_nothing_else_become_one() -> None:
    both = merged(_receipt("A"), _receipt("B"))
    assert both == ReceiptArrived(
        message_ids=["A", "B"], chat="1@s.whatsapp.net", kind=ReceiptKind.READ, timestamp=5, participant=None
    )
    for change in ({"chat": "2@s.whatsapp.net"}, {"kind": "delivered"}, {"timestamp": 6}, {"participant": "3@lid"}):
        assert merged(_receipt("A"), _receipt("B", **change)) is None


async def test_blobs_of_a_commit_find_their_places() -> None:
    payload = {
        "credentials": True,
        "keys": [["session", "a.1", True], ["pre-key", "7", False], ["lid-mapping", "1", True]],
        "entries": [
            {"key": KEY, "message": {**MESSAGE, "content": {"kind": "text", "text": "hi"}}, "unprocessed": False},
            {"key": {**KEY, "index": 1}, "message": None, "unprocessed": True},
        ],
        "sent": ["OUT"],
        "processed": ["BEFORE"],
    }
    changes = await changes_of(payload, [b"creds", b"ratchet", b"lid", b"p0", b"p1", b"out"])
    assert changes.credentials == b"creds"
    assert changes.keys == {("session", "a.1"): b"ratchet", ("pre-key", "7"): None, ("lid-mapping", "1"): b"lid"}
    assert [entry.plaintext for entry in changes.entries] == [b"p0", b"p1"]
    message = changes.entries[0].message
    assert isinstance(message, ReceivedMessage)
    assert (message.content, message.quoted_id, message.flags.forwarded) == (Text(text="hi"), "Q", True)
    assert changes.entries[1].message is None
    assert [entry.unprocessed for entry in changes.entries] == [False, True]
    assert changes.sent == {"OUT": b"out"}
    assert changes.processed == ["BEFORE"]


async def test_what_a_stranger_made_senseless_is_unsupported_and_harms_no_commit() -> None:
    contents = [
        {"kind": "location", "latitude": None, "longitude": 1e9, "name": None, "address": None},
        {"kind": "poll", "question": "?", "options": None, "selectable": "many"},
    ]
    entries = [{"key": KEY, "message": {**MESSAGE, "content": each}, "unprocessed": False} for each in contents]
    payload = {"credentials": False, "keys": [], "entries": entries, "sent": [], "processed": []}
    changes = await changes_of(payload, [b""] * 2)
    kinds = [each.message.content for each in changes.entries if isinstance(each.message, ReceivedMessage)]
    assert kinds == [Unsupported(whatsapp_type="location"), Unsupported(whatsapp_type="poll")]


@pytest.mark.parametrize(
    ("message", "reason", "detail", "is_encrypted"),
    [
        ({**MESSAGE, "content": None}, "failed", "TypeError", False),
        ({**MESSAGE, "sender": None, "content": {"kind": "text", "text": "hi"}}, "failed", "sender: dict_type", False),
        ("no object", "failed", "TypeError", False),
        ({**MESSAGE, "set_aside": {"reason": "ended_process", "detail": "Attempts", "is_encrypted": True}}, *ATTEMPTS),
        ({**MESSAGE, "set_aside": {"reason": "of a later version", "detail": 1}}, "failed", "ValueError", False),
    ],
)
async def test_a_message_that_cannot_be_read_is_told_as_that(
    message: object, reason: str, detail: str, *, is_encrypted: bool
) -> None:
    payload = {
        "credentials": False,
        "keys": [],
        "sent": [],
        "processed": [],
        "entries": [{"key": KEY, "message": message}],
    }
    (entry,) = (await changes_of(payload, [b"plain"])).entries
    assert isinstance(entry.message, Unreadable)
    assert (entry.message.reason, entry.message.detail, entry.message.is_encrypted) == (reason, detail, is_encrypted)
    assert (entry.message.message_id, entry.message.chat) == ("M", "1@s.whatsapp.net")


async def test_contents_keep_previews_and_name_what_is_not_supported() -> None:
    preview = {"url": "https://example.org", "title": "Example", "description": None}
    contents = [
        {"kind": "text", "text": "see", "link_preview": preview},
        {"kind": "location", "latitude": 52.5, "longitude": -13.0, "name": "Here", "address": None},
        {"kind": "contacts", "vcards": ["BEGIN:VCARD\nFN:Ben\nTEL;waid=15550002222:+1 555\nEND:VCARD"]},
        {"kind": "poll", "question": "When?", "options": ["Now", "Later"], "selectable": 2},
        {"kind": "unsupported", "whatsapp_type": "pollUpdateMessage"},
    ]
    entries = [{"key": KEY, "message": {**MESSAGE, "content": each}, "unprocessed": False} for each in contents]
    payload = {"credentials": False, "keys": [], "entries": entries, "sent": [], "processed": []}
    changes = await changes_of(payload, [b""] * 5)
    assert [entry.message.content for entry in changes.entries if isinstance(entry.message, ReceivedMessage)] == [
        Text(text="see", link_preview=LinkPreview(url="https://example.org", title="Example")),
        Location(latitude=52.5, longitude=-13.0, name="Here"),
        Contacts(contacts=[ContactCard(name="Ben", phones=["+15550002222"])]),
        Poll(question="When?", options=["Now", "Later"], selectable=2),
        Unsupported(whatsapp_type="pollUpdateMessage"),
    ]


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        ({"kind": "edited", "content": {"kind": "text", "text": "new"}}, Edited(content=Text(text="new"))),
        (
            {
                "kind": "edited",
                "content": {"kind": "location", "latitude": None, "longitude": 1, "name": None, "address": None},
            },
            Changed(what="edit", whatsapp_type="location", is_sealed=False),
        ),
        ({"kind": "revoked"}, Revoked()),
        ({"kind": "reacted", "emoji": "👍"}, Reacted(emoji="👍")),
        ({"kind": "voted", "options": [], "unknown_options": 1}, Voted(options=[], unknown_options=1)),
        ({"kind": "voted", "options": None, "unknown_options": 0}, Voted(options=None)),
        ({"kind": "option_added", "option": "Later"}, OptionAdded(option="Later")),
        ({"kind": "commented", "content": {"kind": "text", "text": "no"}}, Commented(content=Text(text="no"))),
        ({"kind": "commented", "content": None}, Commented(content=None)),
        ({"kind": "answered", "response": "maybe", "extra_guests": 2}, Answered(response="maybe", extra_guests=2)),
        ({"kind": "pinned", "pinned": True, "seconds": 86400}, Pinned(pinned=True, seconds=86400)),
        ({"kind": "kept", "kept": False}, Kept(kept=False)),
        (
            {"kind": "changed", "what": "edit", "whatsapp_type": "x", "is_sealed": True},
            Changed(what="edit", whatsapp_type="x", is_sealed=True),
        ),
    ],
)
async def test_changes_name_the_message_they_are_about(payload: dict[str, object], change: object) -> None:
    entry = {
        "key": KEY,
        "message": {**MESSAGE, "change": {"about": "EARLIER", "author": None, "by_admin": False, **payload}},
        "unprocessed": False,
    }
    changes = {"credentials": False, "keys": [], "entries": [entry], "sent": [], "processed": []}
    (read,) = (await changes_of(changes, [b""])).entries
    assert isinstance(read.message, ReceivedChange)
    assert (read.message.message_id, read.message.about, read.message.change) == ("M", "EARLIER", change)


@pytest.mark.parametrize(
    ("content", "args"),
    [
        (
            Edit(content=PlainText(text="new")),
            {"kind": "edit", "content": {"kind": "text", "text": "new", "link_preview": None}},
        ),
        (Revocation(), {"kind": "revocation"}),
        (Reaction(emoji=""), {"kind": "reaction", "emoji": ""}),
        (Forwarding(), {"kind": "forwarding"}),
        (
            Contacts(contacts=[ContactCard(vcard="BEGIN:VCARD\nFN:Ben\nEND:VCARD")]),
            {"kind": "contacts", "cards": [{"name": "Ben", "vcard": "BEGIN:VCARD\nFN:Ben\nEND:VCARD"}]},
        ),
        (
            Poll(question="When?", options=["Now", "Later"]),
            {"kind": "poll", "question": "When?", "options": ["Now", "Later"], "selectable": 1},
        ),
    ],
)
def test_what_is_sent_has_the_bridges_words(content: Any, args: dict[str, object]) -> None:
    original = Original(message_id="Q", sender="1@s.whatsapp.net", from_me=True, plaintext=None)
    message = OutgoingMessage(message_id="M", to="1@s.whatsapp.net", content=content, original=original)
    sent, blobs = outgoing_args(message)
    assert (sent["content"], blobs) == (args, [])


def test_an_outgoing_message_takes_its_quote_as_a_blob() -> None:
    original = Original(message_id="Q", sender="1@s.whatsapp.net", from_me=False, plaintext=b"quoted", edited="new")
    message = OutgoingMessage(message_id="M", to="1@s.whatsapp.net", content=PlainText(text="hi"), original=original)
    args, blobs = outgoing_args(message)
    assert blobs == [b"quoted"]
    assert args["original"] == {
        "message_id": "Q",
        "sender": "1@s.whatsapp.net",
        "from_me": False,
        "edited": "new",
    }
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


def test_whatever_the_bridge_may_say_is_read() -> None:
    kinds = {get_args(each.__annotations__["fact"])[0] for each in get_args(facts.Fact)}
    assert set(READ_FACTS) | {"group"} == kinds  # which is read bit by bit
    assert set(READ_CHANGES) == {get_args(each.__annotations__["kind"])[0] for each in get_args(messages.Change)}
    contents = {get_args(each.__annotations__["kind"])[0] for each in get_args(messages.Content)}
    assert set(READ_CONTENTS) | set(FILES) == contents
    for each in (facts.Fact, messages.Change, messages.Content):
        for one in get_args(each):
            with pytest.raises(ValidationError):  # and what it takes to read it can be made
                Reader(one).read({})
