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


def content_of(payload: Mapping[str, Any]) -> Content:
    """A content; what a stranger made senseless is unsupported: refusing it, it would come again for ever."""
    try:
        return _readable(payload)
    except ValueError:
        return Unsupported(whatsapp_type=payload["kind"])


def references_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Where a message came from, what it is a part of and what it lies in, as fields of `ReceivedMessage`."""
    ad, association = payload.get("ad"), payload.get("association")
    return {
        "ad": None if ad is None else Ad(**ad),
        "association": None if association is None else Association(**association),
        "wrappers": payload.get("wrappers", ()),
    }


def _readable(payload: Mapping[str, Any]) -> Content:  # noqa: PLR0911 (one line a kind)
    if (content := file_content_of(payload)) is not None:
        return content.model_copy(update=_offered(payload))
    match payload["kind"]:
        case "text":
            return _text(payload)
        case "location":
            return Location(**_but_kind(payload))
        case "contacts":
            return Contacts(contacts=payload["cards"])
        case "poll":
            return Poll(question=payload["question"], options=payload["options"], selectable=payload["selectable"])
        case "event":
            return _event(payload)
        case "album":
            return Album(images=payload["images"], videos=payload["videos"])
        case _:
            return Unsupported(whatsapp_type=payload["whatsapp_type"])


def _but_kind(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "kind"}


def _text(payload: Mapping[str, Any]) -> Text:
    preview, selected, invite = payload.get("link_preview"), payload.get("selected"), payload.get("invite")
    return Text(
        text=payload["text"],
        link_preview=None if preview is None else LinkPreview(**preview),
        selected=None if selected is None else Selected(**selected),
        invite=None if invite is None else _invite(invite),
        **_offered(payload),
    )


def _invite(payload: Mapping[str, Any]) -> Invite:
    chat, name, code = payload["chat"], payload["name"], payload["code"]
    return Invite(chat=chat, name=name, code=code, expires_at=_instant(payload["expires_at"]))


def _offered(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Offering` that are there."""
    buttons, rows = payload.get("buttons"), payload.get("rows")
    return {
        **({"buttons": [Button(**each) for each in buttons]} if buttons else {}),
        **({"rows": [Row(**each) for each in rows]} if rows else {}),
    }


def _event(payload: Mapping[str, Any]) -> Event:
    place = payload["place"]
    return Event(
        name=payload["name"],
        description=payload["description"],
        starts_at=_instant(payload["starts_at"]),
        ends_at=_instant(payload["ends_at"]),
        place=None if place is None else Place(**place),
        join_link=payload["join_link"],
        cancelled=payload["cancelled"] or None,
    )


def _instant(seconds: int | None) -> datetime | None:
    """Unix seconds, as the bridge bounds them; 0 stands for none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
