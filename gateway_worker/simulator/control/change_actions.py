"""What a person does to earlier messages with a phone, as ordered over the control API: open, or sealed. Pure."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from gateway_worker.simulator.content.shapes import Means
from gateway_worker.simulator.content.writing import write_message
from gateway_worker.simulator.errors import Conflict, Invalid
from gateway_worker.simulator.phone.changes import RESPONSES, Arrived, apply, change_of, poll_of, secret_of
from gateway_worker.simulator.phone.files import upload
from gateway_worker.simulator.phone.phone import find_message, require_online
from gateway_worker.simulator.phone.sending import dispatch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import KeepType, Message, MessageContextInfo
from gateway_worker.simulator.wire.polls import write_vote
from gateway_worker.simulator.wire.sealing import IV_SIZE, Use, seal
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.model import Account, Phone
from gateway_worker.simulator.world.phone_records import Kept
from gateway_worker.simulator.world.turn import Turn

PIN_SECONDS = (86_400, 604_800, 2_592_000)
"""How long WhatsApp's clients pin a message."""
_Protocol = Message.ProtocolMessage


def react(turn: Turn, account: Account, message_id: str, emoji: str, *, sealed: bool = False) -> str:
    """A person reacts to a message; an empty emoji takes it back. Returns the reaction's own id."""
    kept = find_message(account.primary, message_id)
    reaction = Message.ReactionMessage(text=emoji, senderTimestampMs=int(turn.now * 1000))
    if sealed:
        fields = _sealed(turn, account, kept, Use.REACTION, reaction.SerializeToString())
        part = Message.EncReactionMessage(targetMessageKey=kept.key, **fields)
        return _change(turn, account, kept, Message(encReactionMessage=part))
    reaction.key.CopyFrom(kept.key)
    return _change(turn, account, kept, Message(reactionMessage=reaction))


def edit(turn: Turn, account: Account, message_id: str, content: Mapping[str, Any], *, sealed: bool = False) -> str:
    """A person edits an own message. `Conflict` if it is not an own one."""
    kept = _own(account.primary, message_id)
    edited = _Protocol(
        type=_Protocol.Type.MESSAGE_EDIT,
        key=kept.key,
        editedMessage=write_message(content, _means(turn, account, kept)),
        timestampMs=int(turn.now * 1000),
    )
    message = Message(protocolMessage=edited)
    if sealed:
        fields = _sealed(turn, account, kept, Use.EDIT, message.SerializeToString())
        kind = Message.SecretEncryptedMessage.MESSAGE_EDIT
        part = Message.SecretEncryptedMessage(targetMessageKey=kept.key, secretEncType=kind, **fields)
        message = Message(secretEncryptedMessage=part)
    return _change(turn, account, kept, message)


def comment(turn: Turn, account: Account, message_id: str, content: Mapping[str, Any], *, sealed: bool = False) -> str:
    """A person writes a comment below a message."""
    kept = find_message(account.primary, message_id)
    written = write_message(content, _means(turn, account, kept))
    if sealed:
        fields = _sealed(turn, account, kept, Use.COMMENT, written.SerializeToString())
        part = Message.EncCommentMessage(targetMessageKey=kept.key, **fields)
        return _change(turn, account, kept, Message(encCommentMessage=part))
    plain = Message.CommentMessage(message=written, targetMessageKey=kept.key)
    return _change(turn, account, kept, Message(commentMessage=plain))


def respond(turn: Turn, account: Account, message_id: str, response: str, guests: int) -> str:
    """A person answers an invitation. `Conflict` if the message is none."""
    kept = find_message(account.primary, message_id)
    if response not in RESPONSES:
        raise Invalid("request.invalid", f"response must be one of: {', '.join(RESPONSES)}")
    if not kept.message.HasField("eventMessage"):
        raise Conflict("message.no_event", "the message is no invitation")
    answer = Message.EventResponseMessage(
        response=RESPONSES[response],
        timestampMs=int(turn.now * 1000),
        extraGuestCount=guests,
    )
    fields = _sealed(turn, account, kept, Use.RESPONSE, answer.SerializeToString())
    part = Message.EncEventResponseMessage(eventCreationMessageKey=kept.key, **fields)
    return _change(turn, account, kept, Message(encEventResponseMessage=part))


def vote(turn: Turn, account: Account, message_id: str, options: Sequence[str], added: Sequence[str] = ()) -> str:
    """A person votes on a poll; no options take it back. `Conflict` if it is no poll, `Invalid` for other options.

    `added` are options that the poll got later, of which the person's own devices and others were not told.
    """
    kept = find_message(account.primary, message_id)
    poll = poll_of(kept.message)
    if poll is None:
        raise Conflict("message.no_poll", "the message is no poll")
    if not set(options) <= {option.optionName for option in poll.options}:
        raise Invalid("request.invalid", "options must be options of the poll")
    fields = _sealed(turn, account, kept, Use.VOTE, write_vote([*options, *added]))
    update = Message.PollUpdateMessage(
        pollCreationMessageKey=kept.key,
        vote=Message.PollEncValue(**fields),
        senderTimestampMs=int(turn.now * 1000),
    )
    return _change(turn, account, kept, Message(pollUpdateMessage=update))


def pin(turn: Turn, account: Account, message_id: str, *, pinned: bool, seconds: int) -> str:
    """A person pins a message for everybody in the chat, or takes it from there."""
    kept, kind = find_message(account.primary, message_id), Message.PinInChatMessage
    part = kind(
        key=kept.key,
        type=kind.PIN_FOR_ALL if pinned else kind.UNPIN_FOR_ALL,
        senderTimestampMs=int(turn.now * 1000),
    )
    context = MessageContextInfo(messageAddOnDurationInSecs=seconds) if pinned else None
    return _change(turn, account, kept, Message(pinInChatMessage=part, messageContextInfo=context))


def keep(turn: Turn, account: Account, message_id: str, *, kept: bool) -> str:
    """A person keeps a message in a chat whose messages disappear, or lets it go."""
    found = find_message(account.primary, message_id)
    keep_type = KeepType.KEEP_FOR_ALL if kept else KeepType.UNDO_KEEP_FOR_ALL
    part = Message.KeepInChatMessage(key=found.key, keepType=keep_type, timestampMs=int(turn.now * 1000))
    return _change(turn, account, found, Message(keepInChatMessage=part))


def revoke(turn: Turn, account: Account, message_id: str) -> str:
    """A person deletes a message for everybody: an own one, or as the group's admin any. `Conflict` for others."""
    kept = find_message(account.primary, message_id)
    group = turn.world.groups.get(parse_jid(kept.chat).user)
    if group is None or not group.is_admin(account.phone):
        kept = _own(account.primary, message_id)
    revoked = _Protocol(type=_Protocol.Type.REVOKE, key=kept.key)
    return _change(turn, account, kept, Message(protocolMessage=revoked))


def _sealed(turn: Turn, account: Account, kept: Kept, use: Use, plaintext: bytes) -> dict[str, Any]:
    """Sealed about a message; `Conflict` if that one brought no secret."""
    author, secret = turn.world.find(kept.sender)[0], secret_of(kept.message)
    if author is None or not secret:
        raise Conflict("message.no_secret", "nothing can be sealed about a message that brought no secret")
    server = server_of(kept.chat)
    return seal(
        plaintext,
        use,
        secret=secret,
        message_id=kept.message_id,
        author=author.jid(server),
        sealer=account.jid(server),
        iv=turn.world.entropy(IV_SIZE),
    )


def _change(turn: Turn, account: Account, kept: Kept, message: Message) -> str:
    """Sends what changes a message to its chat, and lets it take effect on the phone itself."""
    phone = account.primary
    require_online(phone)
    message_id = new_id(turn)
    dispatch(turn, phone, kept.chat, message, message_id)
    arrived = Arrived(
        message_id=message_id,
        chat=kept.chat,
        sender=account.jid(server_of(kept.chat)),
        account=account,
        own=True,
        device=0,
        timestamp=turn.now,
    )
    if (change := change_of(message, arrived)) is not None:
        apply(turn.world, phone, account, change)
    return message_id


def _means(turn: Turn, account: Account, kept: Kept) -> Means:
    return Means(upload=partial(upload, turn=turn, phone=account.primary, chat=kept.chat), entropy=turn.world.entropy)


def new_id(turn: Turn) -> str:
    """An id for a message of a phone."""
    return "3A" + turn.token(9)


def server_of(chat: str) -> str:
    """How people are addressed in a chat: groups are LID-addressed."""
    server = parse_jid(chat).server
    return "lid" if server == GROUP_SERVER else server


def _own(phone: Phone, message_id: str) -> Kept:
    kept = find_message(phone, message_id)
    if not kept.own:
        raise Conflict("message.not_own", "only its author may do that")
    return kept
