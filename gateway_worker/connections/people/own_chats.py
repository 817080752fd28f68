"""From what the app state says to the writes that keep it and tell what is new. Pure.

What the account's owner does on whichever device, this session's commands among them, comes this way.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway_worker.connections.base.times import instant
from gateway_worker.connections.people.contacts import learnt_contacts
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.chats import (
    FOR_EVER,
    ChatChange,
    DropMessage,
    EmptyChat,
    ReadTo,
    SetStar,
    UpdateChats,
)
from gateway_worker.store.operations.labels import LabelStoredMessage, SetLabel
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.records import ChatRecord
from gateway_worker.whatsapp.app_state import StateChange, StateChanges, StateKind, StateMessage
from gateway_worker.whatsapp.people import ContactReport, ContactsReported
from schemas.addresses import GROUP_SERVER, LID_SERVER, USER_SERVER, Jid, phone_of
from schemas.model import MAX_ATTRIBUTE
from schemas.names import MessageId

_CHATS = (f"@{USER_SERVER}", f"@{LID_SERVER}", f"@{GROUP_SERVER}", "@bot", "@newsletter")
_OF_CHATS = frozenset({StateKind.CHAT_LABEL, StateKind.ARCHIVED, StateKind.PINNED, StateKind.MUTED, StateKind.READ})


class OwnChats:
    """What the owner of one session's account does with chats, as what stores it."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def operations(self, parts: Sequence[StateChanges], now: datetime) -> list[Operation[Any]]:
        """What keeps these changes, in their order."""
        return [operation for part in parts for operation in self._of_part(part, now)]

    def _of_part(self, state: StateChanges, now: datetime) -> list[Operation[Any]]:
        """What is said of chats one after the other is one operation."""
        found: list[Operation[Any]] = []
        chats: list[ChatChange] = []
        for change in state.changes:
            if change.kind is StateKind.LABEL and change.label:
                found.append(_label(change, now, from_before=state.from_before))
                continue
            if not change.chat.endswith(_CHATS):
                continue
            if change.kind in _OF_CHATS:
                chats.append(self._chat_change(change, now))
                continue
            if chats:
                found.append(UpdateChats(changes=chats, from_before=state.from_before))
                chats = []
            found += self._others(change, now, from_before=state.from_before)
        return [*found, UpdateChats(changes=chats, from_before=state.from_before)] if chats else found

    def read_elsewhere(self, chat: str, message_ids: Sequence[str], at: datetime) -> UpdateChats:
        """Messages were read, on another device or by a command."""
        named = self._identities.chat_of(Jid(chat))
        names, read = self._identities.all_names(named), ReadTo(message_ids=message_ids)
        return UpdateChats(changes=[ChatChange(chat=named, names=names, read=read, at=at)])

    def _chat_change(self, change: StateChange, now: datetime) -> ChatChange:
        chat = self._identities.chat_of(Jid(change.chat))
        of_kind: dict[str, Any] = {}
        match change.kind:
            case StateKind.ARCHIVED:
                of_kind["archived"] = change.on
            case StateKind.PINNED:
                of_kind["pinned"] = change.on
            case StateKind.CHAT_LABEL:
                of_kind["label"] = (change.label or "", change.on)
            case StateKind.MUTED:
                of_kind["muted_until"] = _muted_until(change)
            case _:
                of_kind["marked_unread"] = not change.on
                if change.on:
                    of_kind["read"] = ReadTo(through=_moment(change.through))
        told_as = None if change.chat == chat else change.chat
        names = self._identities.all_names(chat) | {change.chat}
        return ChatChange(chat=chat, names=names, told_as=told_as, at=instant(change.timestamp, now), **of_kind)

    def _others(self, change: StateChange, now: datetime, *, from_before: bool) -> Iterator[Operation[Any]]:
        chat = self._identities.chat_of(Jid(change.chat))
        where: dict[str, Any] = {
            "chat": chat,
            "names": self._identities.all_names(chat) | {change.chat},
            "at": instant(change.timestamp, now),
            "from_before": from_before,
        }
        match change.kind:
            case StateKind.STARRED if (message := change.message) is not None:
                yield SetStar(**where, **_named(message), starred=change.on)
            case StateKind.MESSAGE_LABEL if (message := change.message) is not None:
                yield LabelStoredMessage(**where, **_named(message), label_id=change.label or "", on=change.on)
            case StateKind.MESSAGE_DELETED if (message := change.message) is not None:
                yield DropMessage(**where, **_named(message))
            case StateKind.CLEARED:
                yield EmptyChat(**where, through=_moment(change.through), spares_starred=not change.on)
            case StateKind.CHAT_DELETED:
                yield EmptyChat(**where, through=_moment(change.through), with_chat=True)
            case StateKind.CONTACT:
                report = ContactReport(
                    jid=change.chat, lid=change.lid, phone=phone_of(change.chat), saved_name=change.name or ""
                )
                reported = ContactsReported(contacts=[report], from_before=from_before)
                yield from learnt_contacts(reported, self._identities, now)
            case _:
                return


def _label(change: StateChange, now: datetime, *, from_before: bool) -> SetLabel:
    name = (change.name or "")[:MAX_ATTRIBUTE] if change.on else None
    at = instant(change.timestamp, now)
    return SetLabel(label_id=change.label or "", name=name, color=change.color or 0, at=at, from_before=from_before)


def name_in_state(chat: Jid, record: ChatRecord | None) -> str:
    """By which of its names the app state knows a chat."""
    return chat if record is None or record.told_as is None else record.told_as


def _named(message: StateMessage) -> dict[str, Any]:
    return {"message_id": MessageId(message.message_id), "from_me": message.from_me}


def _muted_until(change: StateChange) -> int:
    if not change.on:
        return 0
    return FOR_EVER if change.until is None else change.until


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
