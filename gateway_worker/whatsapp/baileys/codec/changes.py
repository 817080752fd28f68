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


def change_of(told: Mapping[str, Any], read: ReadContent) -> Change:  # noqa: C901, PLR0911 (one line a kind)
    """A change as the bridge tells it; `read` reads contents.

    Raises:
        ValueError: the bridge speaks of something we do not know.
    """
    match told["kind"]:
        case "edited":
            content = read(told["content"])
            if isinstance(content, Unsupported):  # senseless: what the message says stays
                return Changed(what="edit", whatsapp_type=content.whatsapp_type, is_sealed=False)
            return Edited(content=content)
        case "revoked":
            return Revoked()
        case "reacted":
            return Reacted(emoji=told["emoji"])
        case "voted":
            options = told["options"]
            known = options and [each[:MAX_TITLE] for each in options[:MAX_POLL_OPTIONS]]
            return Voted(options=known, unknown_options=told["unknown_options"])
        case "option_added":
            return OptionAdded(option=told["option"])
        case "commented":
            return Commented(content=None if told["content"] is None else read(told["content"]))
        case "answered":
            return Answered(response=told["response"], extra_guests=told["extra_guests"])
        case "pinned":
            return Pinned(pinned=told["pinned"], seconds=told["seconds"])
        case "kept":
            return Kept(kept=told["kept"])
        case "changed":
            return Changed(what=told["what"], whatsapp_type=told["whatsapp_type"], is_sealed=told["is_sealed"])
        case other:
            raise ValueError(f"the bridge told an unknown change {other!r}")
