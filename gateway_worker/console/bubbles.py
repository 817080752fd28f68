"""A message as a page shows it, from the gateway's answer or from an event. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.content.content import Content
from schemas.events.failures import Failure
from schemas.events.messages import MessageReceived
from schemas.results import Direction, LedgerState, MessageDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """A message. `author` of others in a group; `votes` are option → how many."""

    message_id: str
    chat: str
    at: datetime
    mine: bool
    kind: str
    content: Content | None
    status: LedgerState
    author: str | None = None
    error: Failure | None = None
    is_edited: bool = False
    is_revoked: bool = False
    is_pinned: bool = False
    reactions: Sequence[str] = ()
    votes: Mapping[str, int] | None = None

    @property
    def media(self) -> object:
        """Its file, where it has one."""
        return getattr(self.content, "media", None)


def of_description(message: MessageDescription, name: str | None = None) -> Bubble:
    """A message as it stands; `name`: what its sender is called, if that is known."""
    reactions = message.reactions or ()
    votes = Counter(option for vote in message.votes or () for option in vote.options)
    return Bubble(
        message_id=message.message_id,
        chat=message.chat,
        at=message.created_at,
        mine=message.direction is Direction.OUTGOING or message.from_me,
        kind=message.kind,
        content=None if message.revoked_at is not None else message.content,
        status=message.status,
        author=_author(message.chat, message.sender, name),
        error=message.error,
        is_edited=message.edited_at is not None,
        is_revoked=message.revoked_at is not None,
        is_pinned=bool(message.pinned),
        reactions=[each.emoji for each in reactions],
        votes=votes or None,
    )


def of_received(message: MessageReceived) -> Bubble:
    """A message that has just come."""
    return Bubble(
        message_id=message.message_id,
        chat=message.chat,
        at=message.timestamp,
        mine=message.from_me,
        kind=message.content.kind,
        content=message.content,
        status=LedgerState.RECEIVED,
        author=_author(message.chat, message.sender.jid, message.sender.push_name),
    )


def _author(chat: str, sender: str | None, name: str | None) -> str | None:
    """Who wrote it, in a group."""
    if sender is None or not chat.endswith("@g.us"):
        return None
    if name is not None:
        return name
    number, _, server = sender.partition("@")
    return f"+{number}" if server == "s.whatsapp.net" else sender
