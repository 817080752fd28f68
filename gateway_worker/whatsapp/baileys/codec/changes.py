"""What a message does to an earlier one: from the bridge's JSON to the port's words. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway_worker.whatsapp.incoming_changes import (
    Answered,
    Change,
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
from schemas.content.content import MAX_POLL_OPTIONS, MAX_TITLE, Content, Unsupported

ReadContent = Callable[[Mapping[str, Any]], Content]


def change_of(payload: Mapping[str, Any], read: ReadContent) -> Change:  # noqa: C901, PLR0911 (one line a kind)
    """A change as the bridge tells it; `read` reads contents.

    Raises:
        ValueError: the bridge speaks of something we do not know.
    """
    match payload["kind"]:
        case "edited":
            content = read(payload["content"])
            if isinstance(content, Unsupported):  # senseless: what the message says stays
                return Changed(what="edit", whatsapp_type=content.whatsapp_type, is_sealed=False)
            return Edited(content=content)
        case "revoked":
            return Revoked()
        case "reacted":
            return Reacted(emoji=payload["emoji"])
        case "voted":
            options = payload["options"]
            known = options and [each[:MAX_TITLE] for each in options[:MAX_POLL_OPTIONS]]
            return Voted(options=known, unknown_options=payload["unknown_options"])
        case "option_added":
            return OptionAdded(option=payload["option"])
        case "commented":
            return Commented(content=None if payload["content"] is None else read(payload["content"]))
        case "answered":
            return Answered(response=payload["response"], extra_guests=payload["extra_guests"])
        case "pinned":
            return Pinned(pinned=payload["pinned"], seconds=payload["seconds"])
        case "kept":
            return Kept(kept=payload["kept"])
        case "changed":
            return Changed(what=payload["what"], whatsapp_type=payload["whatsapp_type"], is_sealed=payload["is_sealed"])
        case other:
            raise ValueError(f"the bridge told an unknown change {other!r}")
