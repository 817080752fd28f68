"""From the bridge's facts to the port's. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from gateway_worker.whatsapp.account import ProfileReported
from gateway_worker.whatsapp.baileys.channel import facts
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.facts import (
    CallArrived,
    CallEnded,
    Cause,
    Connected,
    Disconnected,
    Fact,
    FactUnreadable,
    Named,
    NewChatsTimed,
    Paired,
    PairingCode,
    PasskeyCode,
    PasskeyRequired,
    PresenceChanged,
    QrCode,
    ReceiptArrived,
    ReceiptKind,
    SendFailed,
)
from gateway_worker.whatsapp.people import ContactReport, ContactsReported, PresenceState
from gateway_worker.whatsapp.timers import ReportedChatTimer, Timer, TimersReported
from schemas.events.contacts import CallOutcome

P = TypeVar("P")
_KINDS: Final = {each.value: each for each in ReceiptKind}


def fact_of(payload: Mapping[str, Any]) -> Fact:
    """A fact as the bridge describes it.

    Raises:
        ValueError: the bridge speaks of something we do not know, or says it in another way; the field is named.
    """
    found = READ_FACTS.get(payload.get("fact"))
    if found is None:
        raise ValueError(f"the bridge sent an unknown fact {payload.get('fact')!r}")
    reader, port = found
    return port(reader.read(payload))


def merged(first: ReceiptArrived, second: ReceiptArrived) -> ReceiptArrived | None:
    """Two receipts that differ in nothing but their messages, as one; None when they are not that."""
    same = (first.chat, first.kind, first.timestamp, first.participant)
    if same != (second.chat, second.kind, second.timestamp, second.participant):
        return None
    return ReceiptArrived(
        message_ids=[*first.message_ids, *second.message_ids],
        chat=first.chat,
        kind=first.kind,
        timestamp=first.timestamp,
        participant=first.participant,
    )


def chat_timers_of(payload: Sequence[facts.ChatTimer]) -> Sequence[ReportedChatTimer]:
    """Timers of chats."""
    return [ReportedChatTimer(chat=each["chat"], timer=Timer(**each["timer"])) for each in payload]


def _reading(kind: type[P], port: Callable[[P], Fact]) -> tuple[Reader[P], Callable[[P], Fact]]:
    return Reader(kind), port


def _qr(fact: facts.QrFact) -> Fact:
    return QrCode(text=fact["text"], expires_in=fact["expires_in"])


def _pairing_code(fact: facts.PairingCodeFact) -> Fact:
    return PairingCode(code=fact["code"], expires_in=fact["expires_in"])


def _passkey_required(fact: facts.PasskeyRequiredFact) -> Fact:
    return PasskeyRequired(options=json.loads(fact["options"]), expires_in=fact["expires_in"])


def _passkey_confirm(fact: facts.PasskeyConfirmFact) -> Fact:
    return PasskeyCode(code=fact["code"], expires_in=fact["expires_in"])


def _paired(fact: facts.PairedFact) -> Fact:
    return Paired(jid=fact["jid"], lid=fact["lid"])


def _connected(fact: facts.ConnectedFact) -> Fact:
    return Connected(phone=fact["phone"] or "", jid=fact["jid"], lid=fact["lid"], push_name=fact["push_name"])


def _named(fact: facts.NamedFact) -> Fact:
    return Named(push_name=fact["push_name"])


def _disconnected(fact: facts.DisconnectedFact) -> Fact:
    return Disconnected(cause=Cause(fact["cause"]), code=fact["code"], detail=fact["detail"])


def _receipt(fact: facts.ReceiptFact) -> Fact:
    return ReceiptArrived(
        message_ids=fact["message_ids"],
        chat=fact["chat"],
        kind=_KINDS[fact["kind"]],
        timestamp=fact["timestamp"],
        participant=fact["participant"],
    )


def _send_failed(fact: facts.SendFailedFact) -> Fact:
    return SendFailed(message_id=fact["message_id"], code=fact["code"])


def _app_state(fact: facts.AppStateFact) -> Fact:
    return FactUnreadable(fact="app_state", detail=fact["unreadable"], payload={"payload": fact["payload"]})


def _timers(fact: facts.TimersFact) -> Fact:
    return TimersReported(timers=chat_timers_of(fact["timers"]))


def _new_chats(fact: facts.NewChatsFact) -> Fact:
    return NewChatsTimed(seconds=fact["seconds"])


def _contacts(fact: facts.ContactsFact) -> Fact:
    contacts = [ContactReport(**each) for each in fact["contacts"]]
    return ContactsReported(contacts=contacts, from_before=fact["from_before"])


def _profile(fact: facts.ProfileFact) -> Fact:
    return ProfileReported(about=fact.get("about"), picture=fact.get("picture"), timestamp=fact["timestamp"])


def _call(fact: facts.CallFact) -> Fact:
    return CallArrived(
        call_id=fact["call_id"],
        **fact["caller"],
        video=fact["is_video"],
        group=fact["group"],
        rejected=fact["is_rejected"],
        timestamp=fact["timestamp"],
        creator=fact["creator"],
    )


def _call_ended(fact: facts.CallEndedFact) -> Fact:
    return CallEnded(
        call_id=fact["call_id"],
        **fact["caller"],
        group=fact["group"],
        outcome=CallOutcome(fact["outcome"]),
        seconds=fact["seconds"],
        timestamp=fact["timestamp"],
    )


def _presence(fact: facts.PresenceFact) -> Fact:
    return PresenceChanged(
        chat=fact["chat"],
        participant=fact["participant"],
        state=PresenceState(fact["state"]),
        last_seen=fact["last_seen"],
    )


READ_FACTS: Final[Mapping[Any, tuple[Reader[Any], Callable[[Any], Fact]]]] = {
    "qr": _reading(facts.QrFact, _qr),
    "pairing_code": _reading(facts.PairingCodeFact, _pairing_code),
    "passkey_required": _reading(facts.PasskeyRequiredFact, _passkey_required),
    "passkey_confirm": _reading(facts.PasskeyConfirmFact, _passkey_confirm),
    "paired": _reading(facts.PairedFact, _paired),
    "connected": _reading(facts.ConnectedFact, _connected),
    "named": _reading(facts.NamedFact, _named),
    "disconnected": _reading(facts.DisconnectedFact, _disconnected),
    "receipt": _reading(facts.ReceiptFact, _receipt),
    "send_failed": _reading(facts.SendFailedFact, _send_failed),
    "timers": _reading(facts.TimersFact, _timers),
    "new_chats": _reading(facts.NewChatsFact, _new_chats),
    "contacts": _reading(facts.ContactsFact, _contacts),
    "profile": _reading(facts.ProfileFact, _profile),
    "call": _reading(facts.CallFact, _call),
    "call_ended": _reading(facts.CallEndedFact, _call_ended),
    "presence": _reading(facts.PresenceFact, _presence),
    "app_state": _reading(facts.AppStateFact, _app_state),
}
"""All but `group`, which is read when it is its turn, a bit at a time."""
