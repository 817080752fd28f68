"""What a message carries and refers to: from the bridge's JSON to the contract's models. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_worker.whatsapp.baileys.codec.attachments import file_content_of
from schemas.content.content import (
    Album,
    Contacts,
    Content,
    Event,
    LinkPreview,
    Location,
    Place,
    Poll,
    Text,
    Unsupported,
)
from schemas.content.offers import Button, Invite, Row, Selected
from schemas.content.references import Ad, Association


def content_of(told: Mapping[str, Any]) -> Content:
    """A content; what a stranger made senseless is unsupported: refusing it, it would come again for ever."""
    try:
        return _readable(told)
    except ValueError:
        return Unsupported(whatsapp_type=told["kind"])


def references_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Where a message came from, what it is a part of and what it lies in, as fields of `ReceivedMessage`."""
    ad, association = told.get("ad"), told.get("association")
    return {
        "ad": None if ad is None else Ad(**ad),
        "association": None if association is None else Association(**association),
        "wrappers": told.get("wrappers", ()),
    }


def _readable(told: Mapping[str, Any]) -> Content:  # noqa: PLR0911 (one line a kind)
    if (content := file_content_of(told)) is not None:
        return content.model_copy(update=_offered(told))
    match told["kind"]:
        case "text":
            return _text(told)
        case "location":
            return Location(**_but_kind(told))
        case "contacts":
            return Contacts(contacts=told["cards"])
        case "poll":
            return Poll(question=told["question"], options=told["options"], selectable=told["selectable"])
        case "event":
            return _event(told)
        case "album":
            return Album(images=told["images"], videos=told["videos"])
        case _:
            return Unsupported(whatsapp_type=told["whatsapp_type"])


def _but_kind(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "kind"}


def _text(told: Mapping[str, Any]) -> Text:
    preview, selected, invite = told.get("link_preview"), told.get("selected"), told.get("invite")
    return Text(
        text=told["text"],
        link_preview=None if preview is None else LinkPreview(**preview),
        selected=None if selected is None else Selected(**selected),
        invite=None if invite is None else _invite(invite),
        **_offered(told),
    )


def _invite(told: Mapping[str, Any]) -> Invite:
    chat, name, code = told["chat"], told["name"], told["code"]
    return Invite(chat=chat, name=name, code=code, expires_at=_instant(told["expires_at"]))


def _offered(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Offering` that are there."""
    buttons, rows = told.get("buttons"), told.get("rows")
    return {
        **({"buttons": [Button(**each) for each in buttons]} if buttons else {}),
        **({"rows": [Row(**each) for each in rows]} if rows else {}),
    }


def _event(told: Mapping[str, Any]) -> Event:
    place = told["place"]
    return Event(
        name=told["name"],
        description=told["description"],
        starts_at=_instant(told["starts_at"]),
        ends_at=_instant(told["ends_at"]),
        place=None if place is None else Place(**place),
        join_link=told["join_link"],
        cancelled=told["cancelled"] or None,
    )


def _instant(seconds: int | None) -> datetime | None:
    """Unix seconds, as the bridge bounds them; 0 stands for none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
