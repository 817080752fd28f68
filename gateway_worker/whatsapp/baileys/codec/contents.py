"""What a message carries: from the bridge's JSON to the contract's models, which check it. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import TypedDict

from gateway_worker.whatsapp.baileys.channel import messages
from gateway_worker.whatsapp.baileys.codec.attachments import FILES
from schemas.content.content import (
    Album,
    ContactCard,
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


class ReadContacts(TypedDict):
    """`ContactsContent`, with the cards that were read of its vCards."""

    cards: list[ContactCard]


def content_of(payload: Mapping[str, Any]) -> Content:
    """A content; what a stranger made senseless is unsupported: refusing it, it would come again for ever."""
    kind = payload["kind"]
    try:
        if (read := FILES.get(kind)) is not None:
            offered = _offered(payload)
            return read(payload).model_copy(update=offered) if offered else read(payload)
        return READ_CONTENTS[kind](payload)
    except ValueError:
        return Unsupported(whatsapp_type=kind)


def _text(content: messages.TextContent) -> Text:
    preview, selected, invite = content.get("link_preview"), content.get("selected"), content.get("invite")
    return Text(
        text=content["text"],
        link_preview=None if preview is None else LinkPreview(**preview),
        selected=None if selected is None else Selected(**selected),
        invite=None if invite is None else _invite(invite),
        **_offered(content),
    )


def _invite(invite: messages.Invite) -> Invite:
    return Invite(
        chat=invite["chat"], name=invite["name"], code=invite["code"], expires_at=_instant(invite["expires_at"])
    )


def _offered(content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Offering` that are there."""
    fields = dict[str, Any]()
    if buttons := content.get("buttons"):
        fields["buttons"] = [Button(**each) for each in buttons]
    if rows := content.get("rows"):
        fields["rows"] = [Row(**each) for each in rows]
    return fields


def _location(content: messages.LocationContent) -> Location:
    return Location(
        latitude=content["latitude"],
        longitude=content["longitude"],
        name=content["name"],
        address=content["address"],
        live=content.get("live"),
        caption=content.get("caption"),
    )


def _contacts(content: ReadContacts) -> Contacts:
    return Contacts(contacts=content["cards"])


def _poll(content: messages.PollContent) -> Poll:
    return Poll(question=content["question"], options=content["options"], selectable=content["selectable"])


def _event(content: messages.EventContent) -> Event:
    place = content["place"]
    return Event(
        name=content["name"],
        description=content["description"],
        starts_at=_instant(content["starts_at"]),
        ends_at=_instant(content["ends_at"]),
        place=None if place is None else Place(**place),
        join_link=content["join_link"],
        cancelled=content["cancelled"] or None,
    )


def _album(content: messages.AlbumContent) -> Album:
    return Album(images=content["images"], videos=content["videos"])


def _unsupported(content: messages.UnsupportedContent) -> Unsupported:
    return Unsupported(whatsapp_type=content["whatsapp_type"])


READ_CONTENTS: Final[Mapping[str, Callable[[Any], Content]]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "poll": _poll,
    "event": _event,
    "album": _album,
    "unsupported": _unsupported,
}


def _instant(seconds: int | None) -> datetime | None:
    """Unix seconds, as the bridge bounds them; 0 stands for none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
