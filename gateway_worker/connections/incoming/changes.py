"""What somebody did to an earlier message: as it is stored, and as it is told. Pure."""

from datetime import datetime, timedelta
from typing import Any, assert_never

from gateway_worker.store.operations.authors import Right
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
from schemas.content.changes import (
    Attendance,
    EventResponse,
    MessageChanged,
    MessageComment,
    MessageEdited,
    MessageKept,
    MessagePinned,
    MessageReaction,
    MessageRevoked,
    PollOption,
    PollVote,
    UnreadChange,
    UnreadReason,
)
from schemas.events.events import (
    EVENT_RESPONSE,
    MESSAGE_CHANGED,
    MESSAGE_COMMENT,
    MESSAGE_EDITED,
    MESSAGE_KEPT,
    MESSAGE_PINNED,
    MESSAGE_REACTION,
    MESSAGE_REVOKED,
    POLL_OPTION,
    POLL_VOTE,
    EventType,
)
from schemas.model import Model
from schemas.names import MessageId

ChangeEvent = tuple[dict[str, Any], EventType, Model]
"""What is stored of a change, and the event with its data."""


def right_to(change: Change) -> Right:
    """Who may do it; what we cannot read of an edit is an edit all the same."""
    match change:
        case Edited() | Changed(what="edit"):
            return Right.AUTHOR
        case Revoked():
            return Right.AUTHOR_OR_ADMIN
        case Reacted() | Voted() | OptionAdded() | Commented() | Answered() | Pinned() | Kept() | Changed():
            return Right.ANYONE
        case _:
            assert_never(change)


def change_event(change: Change, message_id: MessageId, common: dict[str, Any], at: datetime) -> ChangeEvent:  # noqa: C901, PLR0911 (one line a kind)
    """What is stored and told of it.

    Args:
        change: what it does.
        message_id: of the message that tells it.
        common: what all these events have.
        at: when it was done.
    """
    match change:
        case Edited(content=content):
            return {"content": content.to_data()}, MESSAGE_EDITED, MessageEdited(**common, content=content)
        case Revoked():
            return {}, MESSAGE_REVOKED, MessageRevoked(**common)
        case Reacted(emoji=emoji):
            return {"emoji": emoji}, MESSAGE_REACTION, MessageReaction(**common, emoji=emoji)
        case Voted():
            return _vote(change, common)
        case OptionAdded(option=option):
            return {"option": option}, POLL_OPTION, PollOption(**common, option=option)
        case Commented(content=content):
            stored = None if content is None else content.to_data()
            return (
                {"content": stored},
                MESSAGE_COMMENT,
                MessageComment(**common, comment_id=message_id, content=content),
            )
        case Answered():
            return _answer(change, common)
        case Pinned(pinned=pinned, seconds=seconds):
            until = at + timedelta(seconds=seconds) if pinned and seconds else None
            stored = {"pinned": pinned, "until": None if until is None else until.isoformat()}
            return stored, MESSAGE_PINNED, MessagePinned(**common, pinned=pinned, until=until)
        case Kept(kept=kept):
            return {"kept": kept}, MESSAGE_KEPT, MessageKept(**common, kept=kept)
        case Changed():
            return _unread(change, common)
        case _:
            assert_never(change)


def _vote(vote: Voted, common: dict[str, Any]) -> ChangeEvent:
    chosen = None if vote.options is None else list(vote.options)
    unknown = vote.unknown_options or None
    event = PollVote(**common, options=chosen, unknown_options=unknown)
    return {"options": chosen, "unknownOptions": unknown}, POLL_VOTE, event


def _answer(answer: Answered, common: dict[str, Any]) -> ChangeEvent:
    response = None if answer.response is None else Attendance(answer.response)
    event = EventResponse(**common, response=response, extra_guests=answer.extra_guests)
    return {"response": answer.response, "extraGuests": answer.extra_guests}, EVENT_RESPONSE, event


def _unread(change: Changed, common: dict[str, Any]) -> ChangeEvent:
    reason = UnreadReason.SEALED if change.is_sealed else UnreadReason.UNSUPPORTED
    event = MessageChanged(
        **common, change=UnreadChange(change.what), reason=reason, whatsapp_type=change.whatsapp_type
    )
    return {"change": change.what, "whatsappType": change.whatsapp_type}, MESSAGE_CHANGED, event
