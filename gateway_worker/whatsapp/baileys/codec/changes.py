"""What a message does to an earlier one: from the bridge's JSON to the port's words. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway_worker.whatsapp.baileys.channel import messages
from gateway_worker.whatsapp.baileys.codec.contents import content_of
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
from schemas.content.content import MAX_POLL_OPTIONS, MAX_TITLE, Unsupported


def change_of(change: messages.Change) -> Change:
    """A change, checked by `ChangeMessage`."""
    return READ_CHANGES[change["kind"]](change)


def _edited(change: messages.EditedChange) -> Change:
    content = content_of(change["content"])
    if isinstance(content, Unsupported):  # senseless: what the message says stays
        return Changed(what="edit", whatsapp_type=content.whatsapp_type, is_sealed=False)
    return Edited(content=content)


def _voted(change: messages.VotedChange) -> Change:
    options = change["options"]
    known = options and [each[:MAX_TITLE] for each in options[:MAX_POLL_OPTIONS]]
    return Voted(options=known, unknown_options=change["unknown_options"])


def _commented(change: messages.CommentedChange) -> Change:
    return Commented(content=None if change["content"] is None else content_of(change["content"]))


def _revoked(_change: messages.RevokedChange) -> Change:
    return Revoked()


def _reacted(change: messages.ReactedChange) -> Change:
    return Reacted(emoji=change["emoji"])


def _option_added(change: messages.OptionAddedChange) -> Change:
    return OptionAdded(option=change["option"])


def _answered(change: messages.AnsweredChange) -> Change:
    return Answered(response=change["response"], extra_guests=change["extra_guests"])


def _pinned(change: messages.PinnedChange) -> Change:
    return Pinned(pinned=change["pinned"], seconds=change["seconds"])


def _kept(change: messages.KeptChange) -> Change:
    return Kept(kept=change["kept"])


def _changed(change: messages.OtherChange) -> Change:
    return Changed(what=change["what"], whatsapp_type=change["whatsapp_type"], is_sealed=change["is_sealed"])


READ_CHANGES: Final[Mapping[str, Callable[[Any], Change]]] = {
    "edited": _edited,
    "revoked": _revoked,
    "reacted": _reacted,
    "voted": _voted,
    "option_added": _option_added,
    "commented": _commented,
    "answered": _answered,
    "pinned": _pinned,
    "kept": _kept,
    "changed": _changed,
}
