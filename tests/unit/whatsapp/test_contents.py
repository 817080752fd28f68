"""Contents and references, from the bridge's JSON to the contract's."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from gateway_worker.whatsapp.baileys.channel.decoding import named
from gateway_worker.whatsapp.baileys.codec.contents import content_of
from gateway_worker.whatsapp.baileys.codec.messages import message_of
from gateway_worker.whatsapp.incoming import ReceivedMessage
from schemas.content.content import Unsupported

_BUTTON = {"type": "quick_reply", "id": "yes", "text": "Yes", "url": None, "phone": None, "card": None, "code": None}
_ROW = {"id": "s", "title": "Small", "description": None, "section": "Sizes"}
_SELECTED = {"id": "s", "text": "Small", "description": None, "index": None, "card": 0, "flow": None, "data": None}
_INVITE = {"chat": "1@g.us", "name": "Us", "code": "C", "expires_at": 1_700_000_000}
_EVENT: dict[str, Any] = {
    "kind": "event",
    "name": "Party",
    "description": None,
    "starts_at": 1_700_000_000,
    "ends_at": None,
    "place": {"latitude": None, "longitude": None, "name": "Here", "address": None},
    "join_link": None,
    "cancelled": False,
}
MESSAGE: dict[str, Any] = {
    "message_id": "M",
    "chat": "1@s.whatsapp.net",
    "sender": {"jid": "1@s.whatsapp.net", "lid": None, "phone": "+1", "push_name": "Bob"},
    "from_me": False,
    "is_group": False,
    "timestamp": 5,
    "content": {"kind": "text", "text": "hi"},
    "quoted_id": None,
    "mentions": [],
    "flags": {"mentions_all": False, "forwarded": False, "view_once": False},
    "ad": None,
    "association": None,
    "wrappers": [],
    "timer": None,
}
_MOMENT = "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"kind": "text", "text": "Sure?", "buttons": [_BUTTON], "rows": [_ROW]},
            {
                "kind": "text",
                "text": "Sure?",
                "buttons": [{"type": "quick_reply", "id": "yes", "text": "Yes"}],
                "rows": [{"id": "s", "title": "Small", "section": "Sizes"}],
            },
        ),
        (
            {"kind": "text", "text": "Small", "selected": _SELECTED},
            {"kind": "text", "text": "Small", "selected": {"id": "s", "text": "Small", "card": 0}},
        ),
        (
            {"kind": "text", "text": "Us", "invite": _INVITE},
            {
                "kind": "text",
                "text": "Us",
                "invite": {"chat": "1@g.us", "name": "Us", "code": "C", "expiresAt": _MOMENT},
            },
        ),
        (_EVENT, {"kind": "event", "name": "Party", "startsAt": _MOMENT, "place": {"name": "Here"}}),
        ({"kind": "album", "images": 2, "videos": 0}, {"kind": "album", "images": 2, "videos": 0}),
        (
            {"kind": "location", "latitude": 1, "longitude": 2, "name": None, "address": None, "live": True},
            {"kind": "location", "latitude": 1, "longitude": 2, "live": True},
        ),
    ],
)
def test_contents_have_the_contracts_words(payload: dict[str, Any], expected: dict[str, Any]) -> None:
    assert content_of(payload).to_data() == expected


def test_a_moment_that_is_none_makes_no_event_unreadable() -> None:
    shown = content_of({**_EVENT, "starts_at": 0, "ends_at": 253_402_300_799}).to_data()
    assert "startsAt" not in shown
    assert datetime.fromisoformat(shown["endsAt"]) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_an_offer_that_makes_no_sense_costs_that_message_its_content_alone() -> None:
    payload = {"kind": "text", "text": "Sure?", "buttons": [{**_BUTTON, "text": None}]}
    assert content_of(payload) == Unsupported(whatsapp_type="text")


def test_what_a_message_refers_to_is_told_where_it_does() -> None:
    refers = {
        "ad": {"title": "Sale", "ctwa_clid": "CLICK"},
        "association": {"type": "media_album", "message_id": "ALBUM", "index": None},
        "wrappers": ["questionMessage"],
    }
    found, plain = message_of(MESSAGE | refers), message_of(MESSAGE)
    assert isinstance(found, ReceivedMessage)
    assert isinstance(plain, ReceivedMessage)
    assert (found.ad and found.ad.to_data()) == {"title": "Sale", "ctwaClid": "CLICK"}
    assert (found.association and found.association.to_data()) == {"type": "media_album", "messageId": "ALBUM"}
    assert found.wrappers == ["questionMessage"]
    assert (plain.ad, plain.association, plain.wrappers) == (None, None, [])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"timestamp": "5"}, "timestamp: int_type"),
        ({"sender": {"jid": "1@s.whatsapp.net", "lid": None}}, "sender.phone: missing"),
        ({"mentions": ["2@lid", 3]}, "mentions.1: string_type"),
        (
            {"change": {"kind": "pinned", "about": "A", "author": "", "by_admin": False}},
            "change.pinned.pinned: missing",
        ),
        ({"change": {"kind": "unheard of"}}, "change: union_tag_invalid"),
        (
            {"sets_timer": True, "timer": {"seconds": "a day", "changed_at": None, "by_me": None}},
            "timer.seconds: int_type",
        ),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        message_of(MESSAGE | changed)
    assert named(caught.value) == field
