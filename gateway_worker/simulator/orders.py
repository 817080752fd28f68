"""What a person does with a phone, as ordered over the control API: writes, reacts, edits, revokes, votes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway_worker.simulator import phones
from gateway_worker.simulator.changes import Arrived, apply, change_of, poll_of
from gateway_worker.simulator.content.reading import unwrap
from gateway_worker.simulator.content.shapes import Means, Quote
from gateway_worker.simulator.content.writing import write_message
from gateway_worker.simulator.effects import Turn
from gateway_worker.simulator.errors import Conflict, Invalid
from gateway_worker.simulator.fetching import upload
from gateway_worker.simulator.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.kept import Kept
from gateway_worker.simulator.model import MAX_ACCOUNTS, Account
from gateway_worker.simulator.phones import Phone, find_message
from gateway_worker.simulator.requests import Body
from gateway_worker.simulator.sending import dispatch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message, MessageKey
from gateway_worker.simulator.wire.polls import seal_vote

CHAT_STATES = ("typing", "recording", "paused")
_Protocol = Message.ProtocolMessage


def add_phone(turn: Turn, phone: str, name: str, *, passkey: bool) -> Account:
    """A person with a phone; one who exists gets the name and passkey given."""
    account = turn.world.accounts.get(phone)
    if account is None:
        if len(turn.world.accounts) >= MAX_ACCOUNTS:
            raise Conflict("phones.full", f"there are {MAX_ACCOUNTS} phones already")
        return phones.new_account(turn.world, phone, name or f"Phone {phone[-4:]}", passkey=passkey)
    account.name, account.passkey = name or account.name, passkey
    return account


def set_chat_state(turn: Turn, account: Account, to: str, state: str) -> None:
    """A person types, records or stops."""
    if state not in CHAT_STATES:
        raise Invalid("request.invalid", f"state must be one of: {', '.join(CHAT_STATES)}")
    phones.chat_state(turn, account.primary, to, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a person wants to send."""

    content: Mapping[str, Any]
    quote: Mapping[str, Any] | None = None
    mentions: list[str] = field(default_factory=list[str])
    forwarded: bool = False
    view_once: bool = False
    message_id: str = ""
    """Chosen by who sends; empty: a new one."""


def send(turn: Turn, account: Account, *, to: str, words: Words) -> str:
    """A phone sends a message to a person or group (bare JID); returns its id.

    `NotFound` if nobody is there, `Conflict` if the phone is offline, `Invalid` if the content is wrong.
    """
    phone = account.primary
    phones.require_online(phone)
    means = Means(upload=partial(upload, turn=turn, phone=phone, chat=to), entropy=turn.world.entropy)
    message = write_message(
        words.content,
        means,
        quote=_quote(phone, words.quote),
        mentions=words.mentions,
        forwarded=words.forwarded,
        view_once=words.view_once,
    )
    message_id = words.message_id or _new_id(turn)
    dispatch(turn, phone, to, message, message_id)
    kept = Kept(
        message_id=message_id,
        chat=to,
        sender=_own_jid(account, to),
        own=True,
        device=0,
        timestamp=turn.now,
        message=message,
    )
    phone.keep(kept)
    return message_id


def react(turn: Turn, account: Account, message_id: str, emoji: str) -> str:
    """A person reacts to a message; an empty emoji takes it back. Returns the reaction's own id."""
    kept = find_message(account.primary, message_id)
    reaction = Message.ReactionMessage(key=_key(kept), text=emoji, senderTimestampMs=int(turn.now * 1000))
    return _change(turn, account, kept, Message(reactionMessage=reaction))


def edit(turn: Turn, account: Account, message_id: str, content: Mapping[str, Any]) -> str:
    """A person edits an own message. `Conflict` if it is not an own one."""
    kept = _own(account.primary, message_id)
    means = Means(upload=partial(upload, turn=turn, phone=account.primary, chat=kept.chat), entropy=turn.world.entropy)
    edited = _Protocol(
        type=_Protocol.Type.MESSAGE_EDIT,
        key=_key(kept),
        editedMessage=write_message(content, means),
        timestampMs=int(turn.now * 1000),
    )
    return _change(turn, account, kept, Message(protocolMessage=edited))


def revoke(turn: Turn, account: Account, message_id: str) -> str:
    """A person deletes a message for everybody: an own one, or as the group's admin any. `Conflict` for others."""
    kept = find_message(account.primary, message_id)
    group = turn.world.groups.get(parse_jid(kept.chat).user)
    if group is None or not group.is_admin(account.phone):
        kept = _own(account.primary, message_id)
    revoked = _Protocol(type=_Protocol.Type.REVOKE, key=_key(kept))
    return _change(turn, account, kept, Message(protocolMessage=revoked))


def vote(turn: Turn, account: Account, message_id: str, options: list[str]) -> str:
    """A person votes on a poll; no options take it back. `Conflict` if it is no poll, `Invalid` for other options."""
    kept = find_message(account.primary, message_id)
    poll, secret = poll_of(kept.message)
    author = turn.world.find(kept.sender)[0]
    if poll is None or author is None:
        raise Conflict("message.no_poll", "the message is no poll")
    known = {option.optionName for option in poll.options}
    if not set(options) <= known:
        raise Invalid("request.invalid", "options must be options of the poll")
    server = _server(kept.chat)
    sealed = seal_vote(
        options,
        secret=secret,
        poll_id=kept.message_id,
        creator=author.jid(server),
        voter=account.jid(server),
        iv=turn.world.entropy(12),
    )
    update = Message.PollUpdateMessage(
        pollCreationMessageKey=_key(kept), vote=sealed, senderTimestampMs=int(turn.now * 1000)
    )
    return _change(turn, account, kept, Message(pollUpdateMessage=update))


def _change(turn: Turn, account: Account, kept: Kept, message: Message) -> str:
    """Sends what changes a message to its chat, and lets it take effect on the phone itself."""
    phone = account.primary
    phones.require_online(phone)
    message_id = _new_id(turn)
    dispatch(turn, phone, kept.chat, message, message_id)
    arrived = Arrived(
        message_id=message_id,
        chat=kept.chat,
        sender=_own_jid(account, kept.chat),
        account=account,
        own=True,
        device=0,
        timestamp=turn.now,
    )
    if (change := change_of(message, arrived)) is not None:
        apply(turn.world, phone, account, change)
    return message_id


def _new_id(turn: Turn) -> str:
    return "3A" + turn.token(9)


def _server(chat: str) -> str:
    """How people are addressed in a chat: groups are LID-addressed."""
    server = parse_jid(chat).server
    return "lid" if server == GROUP_SERVER else server


def _own_jid(account: Account, chat: str) -> str:
    return account.jid(_server(chat))


def _own(phone: Phone, message_id: str) -> Kept:
    kept = find_message(phone, message_id)
    if not kept.own:
        raise Conflict("message.not_own", "only its author may do that")
    return kept


def _key(kept: Kept) -> MessageKey:
    """How a message is named to others in its chat."""
    key = MessageKey(remoteJid=kept.chat, fromMe=kept.own, id=kept.message_id)
    if parse_jid(kept.chat).server == GROUP_SERVER:
        key.participant = kept.sender
    return key


def _quote(phone: Phone, quote: Mapping[str, Any] | None) -> Quote | None:
    if quote is None:
        return None
    body = Body(quote)
    kept = find_message(phone, body.text("messageId"))
    body.done()
    return Quote(message_id=kept.message_id, author=kept.sender, message=unwrap(kept.message))
