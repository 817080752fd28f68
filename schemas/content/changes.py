"""The data of the events about an earlier message: what somebody did to it, never a message of its own."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from schemas.content.content import Content
from schemas.model import Instant, Model
from schemas.names import MessageId, SessionId

_SEALED: Final = "missing where it is sealed with the secret of a message that is not stored here"


class MessageSender(Model):
    """Who wrote a message. `phone` is E.164."""

    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: str | None = None


class AboutMessage(Model):
    """Something happened to an earlier message, `message_id`; `sender` did it, `from_me`: it was this account.

    Attributes:
        message_id: of the message that it is about.
        sender: who did it.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    sender: MessageSender
    from_me: bool
    is_group: bool
    timestamp: Instant


class MessageEdited(AboutMessage):
    """``message.edited.v1``: a message has another content now.

    Attributes:
        content: what it says now, by `kind`.
    """

    content: Content


class MessageRevoked(AboutMessage):
    """``message.revoked.v1``: a message was deleted for everyone."""


class MessageReaction(AboutMessage):
    """``message.reaction.v1``: somebody reacted with an `emoji`; an empty one took the reaction back.

    Attributes:
        emoji: with what; an empty text: the reaction was taken back.
    """

    emoji: str


UnknownOptions = Annotated[
    int | None,
    Field(description="how many options were chosen too that this account was never told of: they were added later"),
]


class PollVote(AboutMessage):
    """``poll.vote.v1``: somebody voted; `options` are all that this person has chosen now, maybe none.

    What a poll that is not stored here offered cannot be known: then `options` is missing.

    Attributes:
        options: all that this person has chosen now.
    """

    options: Sequence[str] | None = None
    unknown_options: UnknownOptions = None


class PollOption(AboutMessage):
    """``poll.option.v1``: somebody added an option to a poll."""

    option: Annotated[str, Field(description="the new option, beside those that the poll had")]


class MessageComment(AboutMessage):
    """``message.comment.v1``: somebody wrote a comment below a message."""

    comment_id: Annotated[MessageId, Field(description="WhatsApp's id of the comment itself")]
    content: Annotated[
        Content | None,
        Field(description=f"what it says; {_SEALED}"),
    ] = None


class Attendance(StrEnum):
    """What somebody answered to an invitation.

    Attributes:
        GOING: comes
        NOT_GOING: does not come
        MAYBE: does not know yet
    """

    GOING = "going"
    NOT_GOING = "not_going"
    MAYBE = "maybe"


class EventResponse(AboutMessage):
    """``event.response.v1``: somebody answered the invitation to an event."""

    response: Annotated[
        Attendance | None,
        Field(description=_SEALED),
    ] = None
    extra_guests: Annotated[int | None, Field(description="how many come along")] = None


class MessagePinned(AboutMessage):
    """``message.pinned.v1``: a message was pinned to the top of its chat for everybody, or taken from there."""

    pinned: Annotated[bool, Field(description="false: it was taken from there")]
    until: Annotated[Instant | None, Field(description="when it will be taken from there by itself")] = None


class MessageKept(AboutMessage):
    """``message.kept.v1``: a message stays in a chat whose messages disappear, or does not any more."""

    kept: Annotated[bool, Field(description="false: it disappears as others do")]


class UnreadChange(StrEnum):
    """What was done to a message, of which no more can be told.

    Attributes:
        EDIT: it was edited
        REACTION: somebody reacted
        POLL: something about a poll
        OTHER: something else
    """

    EDIT = "edit"
    REACTION = "reaction"
    POLL = "poll"
    OTHER = "other"


class UnreadReason(StrEnum):
    """Why no more can be told.

    Attributes:
        SEALED: it is encrypted with the secret of the message, which is not stored here
        UNSUPPORTED: there are no words for it in this version
    """

    SEALED = "sealed"
    UNSUPPORTED = "unsupported"


class MessageChanged(AboutMessage):
    """``message.changed.v1``: something was done to a message of which no more can be told; what it says stays."""

    change: Annotated[UnreadChange, Field(description="of which kind it is")]
    reason: Annotated[UnreadReason, Field(description="why no more can be told")]
    whatsapp_type: Annotated[str, Field(description="the field of WAProto's `Message` that brought it")]
