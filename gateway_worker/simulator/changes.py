"""What is done to earlier messages: edits, revokes, reactions, votes. Read, decrypted, applied on the phone. Pure."""

from dataclasses import dataclass
from typing import Any

from gateway_worker.simulator.content.reading import unwrap
from gateway_worker.simulator.jids import parse_jid
from gateway_worker.simulator.kept import Change, ChangeKind, Kept
from gateway_worker.simulator.model import Account, World
from gateway_worker.simulator.phones import Phone
from gateway_worker.simulator.wire.errors import MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.polls import open_vote

_Protocol = Message.ProtocolMessage
_POLLS = ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3")


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
    change = Change(
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
    if kind is ChangeKind.REACTION:
        change.emoji = bare.reactionMessage.text
    elif kind is ChangeKind.EDIT:
        change.edited = bare.protocolMessage.editedMessage
    return change


def _kind_and_target(bare: Message) -> tuple[ChangeKind | None, str]:
    if bare.HasField("reactionMessage"):
        return ChangeKind.REACTION, bare.reactionMessage.key.id
    if bare.HasField("pollUpdateMessage"):
        return ChangeKind.VOTE, bare.pollUpdateMessage.pollCreationMessageKey.id
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
    elif change.kind is ChangeKind.VOTE:
        _count_vote(world, kept, account, change)
    phone.note_change(change)
    if kept is not None and not change.refused:
        kept.changes.append(change)


def _is_same_chat(world: World, one: str, other: str) -> bool:
    """Whether two names are of one chat: a person has two."""
    return one == other or (world.find(one)[0] is not None and world.find(one)[0] is world.find(other)[0])


def _may(world: World, kept: Kept, account: Account, kind: ChangeKind) -> bool:
    """Its author edits; its author, or an admin of the group, deletes; everybody in the chat reacts and votes."""
    if kind not in (ChangeKind.EDIT, ChangeKind.REVOKE) or world.find(kept.sender)[0] is account:
        return True
    group = world.groups.get(parse_jid(kept.chat).user)
    return kind is ChangeKind.REVOKE and group is not None and group.is_admin(account.phone)


def _count_vote(world: World, kept: Kept, account: Account, change: Change) -> None:
    poll, secret = poll_of(kept.message)
    author = world.find(kept.sender)[0]
    if poll is None or author is None:
        change.refused = "the message is no poll"
        return
    try:
        change.options = open_vote(
            unwrap(change.message).pollUpdateMessage.vote,
            [option.optionName for option in poll.options],
            secret=secret,
            poll_id=kept.message_id,
            creators=(author.pn_jid, author.lid_jid),
            voters=(account.pn_jid, account.lid_jid),
        )
    except MalformedMessage as error:
        change.refused = str(error)


def poll_of(message: Message) -> tuple[Message.PollCreationMessage | None, bytes]:
    """The poll in a message, and the secret under which votes are encrypted."""
    bare: Any = unwrap(message)
    secret = message.messageContextInfo.messageSecret or bare.messageContextInfo.messageSecret
    poll = next((getattr(bare, name) for name in _POLLS if bare.HasField(name)), None)
    return poll, secret
