"""A stored message as it stands: with its edits, its revocation, the reactions to it and the votes in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from gateway_worker.store.operations.authors import Person, is_group, same_author
from gateway_worker.store.records import Direction, Json, MessageRecord, Status
from schemas.addresses import spellings
from schemas.content.content import MAX_POLL_OPTIONS
from schemas.results import ReactionShown, VoteShown

CHANGES_OF_CONTENT: Final = frozenset({"edited", "edit", "optionadded"})
"""Kinds of changes after which a message says something else."""
_CAPTIONED: Final = frozenset({"image", "video", "document"})
_NOTHING: Final[Json] = {}
_NOT_THERE_YET: Final = frozenset({Status.PENDING, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentMessage:
    """What a message is now.

    Attributes:
        content: the contract's content object; None of one that was revoked.
        edited_at, revoked_at: when it was, if it was.
        reactions: the last one of each person, without those that were taken back.
        votes: likewise, in a poll.
        pinned, pinned_until: it stands at the top of its chat, until then if that is said.
        kept: it does not disappear.
    """

    content: Json | None
    edited_at: datetime | None
    revoked_at: datetime | None
    reactions: Sequence[ReactionShown]
    votes: Sequence[VoteShown]
    pinned: bool
    pinned_until: datetime | None
    kept: bool


def current_message(
    message: MessageRecord, changes: Sequence[MessageRecord], *, begun_counts: bool = False
) -> CurrentMessage:
    """What became of `message` by `changes`, oldest first. What WhatsApp's clients would not show is left out.

    Everybody in it under one name. Changes of ours count once WhatsApp has them, or, if `begun_counts`, from when they
    were begun.
    """
    without = {Status.FAILED} if begun_counts else _NOT_THERE_YET
    effective = [
        change
        for change in changes
        if not (change.direction is Direction.OUTGOING and change.status in without) and _has_effect(message, change)
    ]
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
            case "optionadded":
                content = _with_option(content, str(change.content["option"]))
            case "revoked" | "revocation":
                revoked_at = change.created_at
            case "reacted" | "reaction":
                reactions.pop(who, None)
                if change.content["emoji"]:
                    reactions[who] = _reaction(change)
            case "voted" | "vote":
                votes.pop(who, None)
                if change.content["options"] or change.content.get("unknownOptions"):
                    votes[who] = _vote(change)
            case _:
                continue
    if revoked_at is not None:
        content, reactions, votes, effective = None, {}, {}, []
    keeping = _last("kept", effective)
    pinned, pinned_until = _pin(effective)
    return CurrentMessage(
        content=content,
        edited_at=edited_at,
        revoked_at=revoked_at,
        reactions=list(reactions.values()),
        votes=list(votes.values()),
        pinned=pinned,
        pinned_until=pinned_until,
        kept=bool(keeping.get("kept")),
    )


def _last(kind: str, changes: Sequence[MessageRecord]) -> Json:
    """What the last change of a kind says; nothing if there is none."""
    return next((change.content for change in reversed(changes) if change.kind == kind), _NOTHING)


def _pin(changes: Sequence[MessageRecord]) -> tuple[bool, datetime | None]:
    """Whether it is pinned, and until when, by others' last word or ours."""
    last = next((change for change in reversed(changes) if change.kind in {"pinned", "pin"}), None)
    if last is None:
        return False, None
    if last.kind == "pinned":
        return bool(last.content["pinned"]), _moment(cast("str | None", last.content.get("until")))
    seconds = cast("int | None", last.content["seconds"])
    return seconds is not None, None if seconds is None else last.created_at + timedelta(seconds=seconds)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _edited(content: Json, change: MessageRecord) -> Json:
    """What an edit says of a file is its caption: ours says nothing else, and some clients write a text."""
    said = cast("Json", change.content["content"])
    if change.kind == "edit" and "caption" in said:
        return {**content, **said}
    if said.get("kind") == "text" and content.get("kind") in _CAPTIONED:
        return {**content, "caption": said["text"]}
    return said


def _with_option(content: Json | None, option: str) -> Json | None:
    options = None if content is None else cast("Sequence[str] | None", content.get("options"))
    if content is None or options is None or option in options or len(options) >= MAX_POLL_OPTIONS:
        return content
    return {**content, "options": [*options, option]}


def _has_effect(message: MessageRecord, change: MessageRecord) -> bool:
    """In its chat, about it and not about another message under its id, and by whom WhatsApp lets do it.

    Whether somebody is an admin was asked as the change came: one that counted for nothing is not stored.
    """
    if change.about != message.message_id or spellings(message.chat).isdisjoint(spellings(change.chat)):
        return False
    author = Person.of(message.from_me, message.sender)
    by_author = same_author(message.chat, author, Person.of(change.from_me, change.sender))
    match change.kind:
        case "edited" | "edit":
            return by_author
        case "revoked" | "revocation":
            return by_author or (is_group(message.chat) and _names(change, message.chat, author))
        case _:
            return _names(change, message.chat, author)


def _names(change: MessageRecord, chat: str, author: Person) -> bool:
    """Whether it may be about a message of this author, as far as its own words say."""
    said = cast("str | None", change.content.get("author"))
    return said is None or same_author(chat, author, Person.of(said == "", said))


def _author(change: MessageRecord) -> str:
    return "" if change.from_me else change.sender or change.chat


def _reaction(change: MessageRecord) -> ReactionShown:
    return ReactionShown(
        emoji=str(change.content["emoji"]), from_me=change.from_me, sender=change.sender, timestamp=change.created_at
    )


def _vote(change: MessageRecord) -> VoteShown:
    return VoteShown(
        options=cast("Sequence[str]", change.content["options"]),
        unknown_options=cast("int | None", change.content.get("unknownOptions")),
        from_me=change.from_me,
        sender=change.sender,
        timestamp=change.created_at,
    )
