"""What is done to earlier messages: edits, revokes, reactions, votes … Read, unsealed, applied on the phone. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from gateway_worker.simulator.content.reading import unwrap
from gateway_worker.simulator.wire.errors import MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import KeepType, Message
from gateway_worker.simulator.wire.polls import read_vote
from gateway_worker.simulator.wire.sealing import Sealed, Use, unseal
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import Account, Phone, World
from gateway_worker.simulator.world.phone_records import Change, ChangeKind, Kept

_Protocol = Message.ProtocolMessage
_POLLS = ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3")
_Response = Message.EventResponseMessage
RESPONSES: Final = {"going": _Response.GOING, "not_going": _Response.NOT_GOING, "maybe": _Response.MAYBE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message that may be a change: whose it is and where."""

    message_id: str
    chat: str
    sender: str
    account: Account
    own: bool
    device: int
    timestamp: float


def change_of(message: Message, arrived: Arrived) -> Change | None:
    """The change that a message brings; None if it is a message of its own."""
    bare = unwrap(message)
    kind, target = _kind_and_target(bare)
    if kind is None:
        return None
    return Change(
        kind=kind,
        message_id=arrived.message_id,
        target=target,
        chat=arrived.chat,
        sender=arrived.sender,
        own=arrived.own,
        device=arrived.device,
        timestamp=arrived.timestamp,
        message=message,
    )


_PARTS: Final = {
    "reactionMessage": (ChangeKind.REACTION, "key"),
    "encReactionMessage": (ChangeKind.REACTION, "targetMessageKey"),
    "pollUpdateMessage": (ChangeKind.VOTE, "pollCreationMessageKey"),
    "secretEncryptedMessage": (ChangeKind.EDIT, "targetMessageKey"),
    "commentMessage": (ChangeKind.COMMENT, "targetMessageKey"),
    "encCommentMessage": (ChangeKind.COMMENT, "targetMessageKey"),
    "encEventResponseMessage": (ChangeKind.RESPONSE, "eventCreationMessageKey"),
    "pinInChatMessage": (ChangeKind.PIN, "key"),
    "keepInChatMessage": (ChangeKind.KEEP, "key"),
}
"""Of which kind is a message with this field, and where it names the earlier one."""


def _kind_and_target(bare: Message) -> tuple[ChangeKind | None, str]:
    for name, (kind, key) in _PARTS.items():
        if bare.HasField(name):
            return kind, getattr(getattr(bare, name), key).id
    if bare.HasField("protocolMessage"):
        match bare.protocolMessage.type:
            case _Protocol.Type.REVOKE:
                return ChangeKind.REVOKE, bare.protocolMessage.key.id
            case _Protocol.Type.MESSAGE_EDIT:
                return ChangeKind.EDIT, bare.protocolMessage.key.id
            case _:
                pass
    return None, ""


def apply(world: World, phone: Phone, account: Account, change: Change) -> None:
    """The change takes effect on the message it is about, or says why not. `account` is who made it."""
    kept = phone.messages.get(change.target)
    if kept is None or not _is_same_chat(world, kept.chat, change.chat):
        change.refused = "the phone does not have the message in this chat"
    elif not _may(world, kept, account, change.kind):
        change.refused = "only its author may do that"
    else:
        try:
            _read(world, kept, account, change)
        except MalformedMessage as error:
            change.refused = str(error)
        except DecodeError:
            change.refused = "what was sealed is no message"
    phone.note_change(change)
    if kept is not None and not change.refused:
        kept.changes.append(change)


def _is_same_chat(world: World, one: str, other: str) -> bool:
    """Whether two names are of one chat: a person has two."""
    return one == other or (world.find(one)[0] is not None and world.find(one)[0] is world.find(other)[0])


def _may(world: World, kept: Kept, account: Account, kind: ChangeKind) -> bool:
    """Its author edits; its author, or an admin of the group, deletes; everybody in the chat does all else."""
    if kind not in (ChangeKind.EDIT, ChangeKind.REVOKE) or world.find(kept.sender)[0] is account:
        return True
    group = world.groups.get(parse_jid(kept.chat).user)
    return kind is ChangeKind.REVOKE and group is not None and group.is_admin(account.phone)


def _read(world: World, kept: Kept, account: Account, change: Change) -> None:
    """What the change says, unsealed where it is sealed."""
    bare = unwrap(change.message)

    def opened(part: Sealed, use: Use) -> bytes:
        author = world.find(kept.sender)[0]
        people = [author.pn_jid, author.lid_jid] if author else []
        return unseal(
            part,
            use,
            secret=secret_of(kept.message),
            message_id=kept.message_id,
            authors=people,
            sealers=[account.pn_jid, account.lid_jid],
        )

    match change.kind:
        case ChangeKind.EDIT:
            change.edited = _edited(bare, opened)
        case ChangeKind.REACTION:
            change.emoji = _reaction(bare, opened).text
        case ChangeKind.VOTE:
            change.options = _vote(bare, kept, opened)
        case ChangeKind.COMMENT:
            change.edited = _comment(bare, opened)
        case ChangeKind.RESPONSE:
            answer = Message.EventResponseMessage.FromString(opened(bare.encEventResponseMessage, Use.RESPONSE))
            change.response = {number: name for name, number in RESPONSES.items()}.get(answer.response, "")
        case ChangeKind.PIN:
            change.stays = bare.pinInChatMessage.type == Message.PinInChatMessage.PIN_FOR_ALL
        case ChangeKind.KEEP:
            change.stays = bare.keepInChatMessage.keepType == KeepType.KEEP_FOR_ALL
        case ChangeKind.REVOKE:
            pass


_Open = Callable[[Any, Use], bytes]


def _edited(bare: Message, opened: _Open) -> Message:
    if not bare.HasField("secretEncryptedMessage"):
        return bare.protocolMessage.editedMessage
    edit = unwrap(Message.FromString(opened(bare.secretEncryptedMessage, Use.EDIT)))
    return edit.protocolMessage.editedMessage


def _reaction(bare: Message, opened: _Open) -> Message.ReactionMessage:
    if bare.HasField("reactionMessage"):
        return bare.reactionMessage
    return Message.ReactionMessage.FromString(opened(bare.encReactionMessage, Use.REACTION))


def _comment(bare: Message, opened: _Open) -> Message:
    if bare.HasField("commentMessage"):
        return bare.commentMessage.message
    return Message.FromString(opened(bare.encCommentMessage, Use.COMMENT))


def _vote(bare: Message, kept: Kept, opened: _Open) -> list[str]:
    poll = poll_of(kept.message)
    if poll is None:
        raise MalformedMessage("the message is no poll")
    return read_vote(opened(bare.pollUpdateMessage.vote, Use.VOTE), [option.optionName for option in poll.options])


def poll_of(message: Message) -> Message.PollCreationMessage | None:
    """The poll in a message."""
    bare: Any = unwrap(message)
    return next((getattr(bare, name) for name in _POLLS if bare.HasField(name)), None)


def secret_of(message: Message) -> bytes:
    """The secret with which what is done to a message is sealed; empty if it brought none."""
    return unwrap(message).messageContextInfo.messageSecret or message.messageContextInfo.messageSecret
