"""A stored message as it stands: with its edits, its revocation, the reactions to it and the votes in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from gateway_worker.store.authors import Author, same_author
from gateway_worker.store.records import Direction, Json, MessageRecord, Status
from schemas.addresses import AddressKind, Jid, kind_of
from schemas.results import ReactionShown, VoteShown

_NOT_THERE_YET: Final = frozenset({Status.PENDING, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a message is now.

    Attributes:
        content: the contract's content object; None of one that was revoked.
        edited_at, revoked_at: when it was, if it was.
        reactions: the last one of each person, without those that were taken back.
        votes: likewise, in a poll.
    """

    content: Json | None
    edited_at: datetime | None
    revoked_at: datetime | None
    reactions: Sequence[ReactionShown]
    votes: Sequence[VoteShown]


def standing(message: MessageRecord, changes: Sequence[MessageRecord]) -> Standing:
    """What became of `message` by `changes`, oldest first. What WhatsApp's clients would not show is left out."""
    effective = [change for change in changes if change.about == message.message_id and _has_effect(message, change)]
    content: Json | None = message.content
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    reactions: dict[str, ReactionShown] = {}
    votes: dict[str, VoteShown] = {}
    for change in effective:
        who = _author(change)
        match change.kind:
            case "edited" | "edit":
                content, edited_at = _edited(message.content, change), change.created_at
            case "revoked" | "revocation":
                revoked_at = change.created_at
            case "reacted" | "reaction":
                reactions.pop(who, None)
                if change.content["emoji"]:
                    reactions[who] = _reaction(change)
            case "voted":
                votes.pop(who, None)
                if change.content["options"]:
                    votes[who] = _vote(change)
            case _:
                continue
    if revoked_at is not None:
        content, reactions, votes = None, {}, {}
    return Standing(
        content=content,
        edited_at=edited_at,
        revoked_at=revoked_at,
        reactions=list(reactions.values()),
        votes=list(votes.values()),
    )


def _edited(content: Json, change: MessageRecord) -> Json:
    """What an edit of ours says of a file is its caption alone."""
    said = cast("Json", change.content["content"])
    return {**content, **said} if change.kind == "edit" and "caption" in said else said


def _has_effect(message: MessageRecord, change: MessageRecord) -> bool:
    """Only the author edits; the author, or in a group an admin, revokes; ours count once WhatsApp has them."""
    if change.direction is Direction.OUTGOING and change.status in _NOT_THERE_YET:
        return False
    match change.kind:
        case "edited" | "edit":
            return _same_author(message, change)
        case "revoked" | "revocation":
            return _same_author(message, change) or kind_of(Jid(message.chat)) is AddressKind.GROUP
        case _:
            return True


def _same_author(one: MessageRecord, other: MessageRecord) -> bool:
    return same_author(Author(one.from_me, one.sender), Author(other.from_me, other.sender))


def _author(change: MessageRecord) -> str:
    return "" if change.from_me else change.sender or change.chat


def _reaction(change: MessageRecord) -> ReactionShown:
    return ReactionShown(
        emoji=str(change.content["emoji"]), from_me=change.from_me, sender=change.sender, timestamp=change.created_at
    )


def _vote(change: MessageRecord) -> VoteShown:
    return VoteShown(
        options=cast("Sequence[str]", change.content["options"]),
        from_me=change.from_me,
        sender=change.sender,
        timestamp=change.created_at,
    )
