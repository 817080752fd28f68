"""What a person does with a phone, as ordered over the control API: gets one, types, writes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway_worker.simulator.content.reading import unwrap
from gateway_worker.simulator.content.shapes import Means, Quote
from gateway_worker.simulator.content.writing import write_message
from gateway_worker.simulator.control.change_actions import new_id, server_of
from gateway_worker.simulator.errors import Conflict, Invalid
from gateway_worker.simulator.phone.address_book import publish_own_name
from gateway_worker.simulator.phone.disappearing import begin_chat, marked
from gateway_worker.simulator.phone.files import upload
from gateway_worker.simulator.phone.mentions import mentioning
from gateway_worker.simulator.phone.phone import find_message, new_account, require_online, send_chat_state
from gateway_worker.simulator.phone.sending import dispatch
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.wire.errors import CeremonyError
from gateway_worker.simulator.wire.linking.webauthn import ORIGIN, PASSKEY_RANDOM, Passkey, new_passkey, sign
from gateway_worker.simulator.wire.sealing import SECRET_SIZE
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import MAX_ACCOUNTS, Account, Phone
from gateway_worker.simulator.world.phone_records import Kept
from gateway_worker.simulator.world.turn import Turn

CHAT_STATES = ("typing", "recording", "paused")
MAX_SPELLINGS = 16


def add_phone(
    turn: Turn, phone: str, name: str, *, passkey: bool, business: bool = False, spellings: Sequence[str] = ()
) -> Account:
    """A person (or a `business`) with a phone; who exists gets all but the number as given.

    `spellings`: numbers that lead there.
    """
    if len(spellings) > MAX_SPELLINGS:
        raise Invalid("request.invalid", f"spellings must be at most {MAX_SPELLINGS}")
    turn.world.spellings.update(dict.fromkeys((parse_jid(each).user for each in spellings), phone))
    account = turn.world.accounts.get(phone)
    if account is None:
        if len(turn.world.accounts) >= MAX_ACCOUNTS:
            raise Conflict("phone.full", f"there are {MAX_ACCOUNTS} phones already")
        return new_account(turn.world, phone, name or f"Phone {phone[-4:]}", passkey=passkey, business=business)
    account.business = business
    account.name = name or account.name
    if passkey != (account.passkey is not None):
        account.passkey = new_passkey(turn.world.entropy(PASSKEY_RANDOM)) if passkey else None
    if account.companions:
        publish_own_name(turn, account)
    return account


def passkey_of(account: Account) -> Passkey:
    """The person's passkey; `Conflict` without one."""
    if account.passkey is None:
        raise Conflict("passkey.none", "this phone has no passkey")
    return account.passkey


def assert_passkey(account: Account, options: Mapping[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
    """The person unlocks the passkey for these options: what the browser hands to a page of `origin`.

    `Conflict` without a passkey that fits them.
    """
    try:
        return sign(passkey_of(account), options, origin=origin)
    except CeremonyError as error:
        raise Conflict("passkey.none", f"no passkey fits these options: {error.cause}") from error


def set_chat_state(turn: Turn, account: Account, to: str, state: str) -> None:
    """A person types, records or stops."""
    if state not in CHAT_STATES:
        raise Invalid("request.invalid", f"state must be one of: {', '.join(CHAT_STATES)}")
    send_chat_state(turn, account.primary, to, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person wants to send."""

    content: Mapping[str, Any]
    quote: Mapping[str, Any] | None = None
    mentions: list[str] = field(default_factory=list[str])
    mentions_all: bool = False
    forwarded: bool = False
    view_once: bool = False
    message_id: str = ""
    """Chosen by who sends; empty: a new one."""


def send(turn: Turn, account: Account, *, to: str, draft: Draft) -> str:
    """A phone sends a message to a person or group (bare JID); returns its id.

    `NotFound` if nobody is there, `Conflict` if the phone is offline, `Invalid` if the content is wrong.
    """
    phone = account.primary
    require_online(phone)
    to = _chat(turn, to)
    means = Means(upload=partial(upload, turn=turn, phone=phone, chat=to), entropy=turn.world.entropy)
    content, mentions = mentioning(turn.world, server_of(to), draft.content, draft.mentions)
    message = write_message(
        content,
        means,
        quote=_quote(phone, draft.quote),
        mentions=mentions,
        mentions_all=draft.mentions_all,
        forwarded=draft.forwarded,
        view_once=draft.view_once,
    )
    begin_chat(turn, phone, to)
    message = marked(turn.world, phone, to, message)
    message_id = draft.message_id or new_id(turn)
    if draft.content.get("kind") != "raw":
        message.messageContextInfo.messageSecret = turn.world.entropy(SECRET_SIZE)
    dispatch(turn, phone, to, message, message_id)
    kept = Kept(
        message_id=message_id,
        chat=to,
        sender=account.jid(server_of(to)),
        own=True,
        device=0,
        timestamp=turn.now,
        message=message,
    )
    phone.keep(kept)
    return message_id


def _chat(turn: Turn, to: str) -> str:
    """The chat with whom a person dials: a phone asks for the number as WhatsApp writes it."""
    recipient, address = turn.world.dial(to)
    return to if recipient is None else recipient.jid(address.server)


def _quote(phone: Phone, quote: Mapping[str, Any] | None) -> Quote | None:
    if quote is None:
        return None
    body = Body(quote)
    kept = find_message(phone, body.text("messageId"))
    body.done()
    return Quote(message_id=kept.message_id, author=kept.sender, message=unwrap(kept.message))
