"""From a command that changes an earlier message to what is stored of it and what the engine sends. Pure."""

from collections.abc import Sequence
from typing import Final, cast

from gateway_worker.connections.messages.files import has_caption
from gateway_worker.store.records import Json, MessageRecord
from gateway_worker.whatsapp.outgoing import Change, Edit, Pin, Reaction, Revocation, Vote
from schemas.commands.messages import (
    AboutMessage,
    EditMessage,
    OutgoingCommand,
    PinMessage,
    ReactToMessage,
    RevokeMessage,
    UnpinMessage,
    VoteInPoll,
)
from schemas.errors import CommandInvalid

CHANGES: Final = (EditMessage, RevokeMessage, ReactToMessage, PinMessage, UnpinMessage, VoteInPoll)


def change_of(data: OutgoingCommand) -> Change:
    """What the engine does to the original."""
    match data:
        case EditMessage():
            return Edit(content=data.content)
        case RevokeMessage():
            return Revocation()
        case ReactToMessage():
            return Reaction(emoji=data.emoji)
        case PinMessage() | UnpinMessage():
            return Pin(seconds=_seconds_pinned(data))
        case VoteInPoll():
            return Vote(options=data.options)
        case _:
            raise TypeError(type(data).__name__)


def stored_change(data: OutgoingCommand, original: MessageRecord | None) -> Json:
    """The content object of its row: no content of the contract's, but of a kind of its own.

    `original` is None where it was accepted before, and the original is gone.
    """
    assert isinstance(data, AboutMessage)
    kind, said = _said(data, original)
    by = {} if isinstance(data, EditMessage) or original is None else {"author": _author_of(original)}
    return {"kind": kind, "messageId": data.message_id, **said, **by}


def _said(data: OutgoingCommand, original: MessageRecord | None) -> tuple[str, Json]:
    match data:
        case EditMessage():
            content = data.content.to_data()
            if original is not None and has_caption(original):
                content = {"kind": original.content["kind"], "caption": data.content.text}
            return "edit", {"content": content}
        case RevokeMessage():
            return "revocation", {}
        case ReactToMessage():
            return "reaction", {"emoji": data.emoji}
        case PinMessage() | UnpinMessage():
            return "pin", {"seconds": _seconds_pinned(data)}
        case VoteInPoll():
            return "vote", {"options": list(data.options)}
        case _:
            raise TypeError(type(data).__name__)


def check_vote(data: VoteInPoll, poll: MessageRecord) -> None:
    """Whether it is a poll, as it is now, that has these options and takes so many.

    Raises:
        CommandInvalid: it is not, and which field says so.
    """
    if poll.kind != "poll":
        raise CommandInvalid.at("data.messageId", "must be a poll")
    options = cast("Sequence[str]", poll.content.get("options", ()))
    most = cast("int", poll.content.get("selectable", 0)) or len(options)
    for number, option in enumerate(data.options):
        if option not in options:
            raise CommandInvalid.at(f"data.options[{number}]", "must be an option of the poll")
    if len(data.options) > most:
        raise CommandInvalid.at("data.options", f"must be at most {most}, as the poll says")


def _seconds_pinned(data: PinMessage | UnpinMessage) -> int | None:
    return data.seconds if isinstance(data, PinMessage) else None


def _author_of(original: MessageRecord) -> str:
    """Whose message it is about: another person's may have the same id."""
    return "" if original.from_me else original.sender or original.chat
