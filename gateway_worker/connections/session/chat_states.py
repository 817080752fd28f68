"""What the owner of the account does with chats by command: as a change of the app state, which all devices follow.

It bypasses the order of chats. What is so already is not written again; a repetition does no harm.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import name_in_state
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.immediate import ImmediateCommands
from gateway_worker.store.operations.chats import FOR_EVER
from gateway_worker.store.records import ChatRecord, MessageRecord
from gateway_worker.whatsapp.app_state import StateChange, StateKind, StateMessage
from gateway_worker.whatsapp.errors import StateUnreadable
from gateway_worker.whatsapp.port import Connection
from schemas.addresses import GROUP_SERVER, USER_SERVER, Jid
from schemas.commands.chats import ClearChat, DeleteChat, DeleteMessage, StarMessage, UpdateChat
from schemas.commands.commands import Command
from schemas.commands.contacts import RemoveContact, SaveContact
from schemas.commands.labels import LabelChat, LabelMessage
from schemas.errors import MessageNotFound, StateUnavailable
from schemas.names import MessageId, SessionId

_MILLISECONDS = 1000
_PAUSES = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds


class ChatStateCommands:
    """Carries them out for one session. All raise `GatewayError` as `ImmediateCommands.ask` does."""

    def __init__(
        self,
        session_id: SessionId,
        direct: ImmediateCommands,
        storage: Storage,
        *,
        identities: Identities,
        originals: Originals,
        resolver: Resolver,
    ) -> None:
        self._session_id = session_id
        self._direct = direct
        self._storage = storage
        self._identities = identities
        self._originals = originals
        self._resolver = resolver

    async def update(self, command: Command[UpdateChat]) -> None:
        """Archive, pin or mute a chat, or mark it as unread, or the reverse."""
        data = command.data
        record = await self._record(data.jid)
        where = await self._where(data.jid, record)
        changes: list[StateChange] = []
        if data.archived is not None and data.archived != (record is not None and record.archived):
            changes.append(StateChange(kind=StateKind.ARCHIVED, on=data.archived, **where))
        if data.pinned is not None and data.pinned != (record is not None and record.pinned_at is not None):
            changes.append(StateChange(kind=StateKind.PINNED, on=data.pinned, **where))
        until = _muted_until(data)
        if until is not None and until != (0 if record is None else record.muted_until):
            ends_at = None if until == FOR_EVER else until
            changes.append(StateChange(kind=StateKind.MUTED, on=until != 0, until=ends_at, **where))
        if data.unread is not None and not _is_so(record, unread=data.unread):
            changes.append(StateChange(kind=StateKind.READ, on=not data.unread, **where))
        await self.change(command, changes)

    async def clear(self, command: Command[ClearChat]) -> None:
        """Delete the messages of a chat for this account."""
        where = await self._where(command.data.jid, await self._record(command.data.jid))
        await self.change(command, [StateChange(kind=StateKind.CLEARED, on=not command.data.keep_starred, **where)])

    async def delete(self, command: Command[DeleteChat]) -> None:
        """Delete a chat for this account."""
        where = await self._where(command.data.jid, await self._record(command.data.jid))
        await self.change(command, [StateChange(kind=StateKind.CHAT_DELETED, **where)])

    async def star_message(self, command: Command[StarMessage]) -> None:
        """Star a message, or no longer. Raises MessageNotFound."""
        record = await self._message(command)
        if record.starred != command.data.starred:
            where = await self._where_of(record)
            await self.change(command, [StateChange(kind=StateKind.STARRED, on=command.data.starred, **where)])

    async def delete_message(self, command: Command[DeleteMessage]) -> None:
        """Delete a message for this account. Raises MessageNotFound."""
        where = await self._where_of(await self._message(command))
        await self.change(command, [StateChange(kind=StateKind.MESSAGE_DELETED, **where)])

    async def label_chat(self, command: Command[LabelChat]) -> None:
        """Put a label on a chat, or take it off."""
        data = command.data
        record = await self._record(data.jid)
        chat = name_in_state(self._identities.chat_of(data.jid), record)
        change = StateChange(kind=StateKind.CHAT_LABEL, chat=chat, label=data.label_id, on=data.labelled)
        await self.change(command, [change])

    async def label_message(self, command: Command[LabelMessage]) -> None:
        """Put a label on a message, or take it off. Raises MessageNotFound."""
        where, data = await self._where_of(await self._message(command)), command.data
        change = StateChange(kind=StateKind.MESSAGE_LABEL, label=data.label_id, on=data.labelled, **where)
        await self.change(command, [change])

    async def save_contact(self, command: Command[SaveContact]) -> None:
        """Save a person in the address book, or under another name."""
        await self._set_name(command, command.data.jid, command.data.name)

    async def remove_contact(self, command: Command[RemoveContact]) -> None:
        """Take a person from the address book."""
        await self._set_name(command, command.data.jid, "")

    async def set_own_name(self, command: Command[Any], name: str) -> None:
        """Have the account call itself otherwise."""
        await self.change(command, [StateChange(kind=StateKind.OWN_NAME, chat="", name=name)])

    async def _set_name(self, command: Command[Any], jid: Jid, name: str) -> None:
        person = self._identities.chat_of(jid)
        lid = self._identities.lid_of(person)
        await self.change(command, [StateChange(kind=StateKind.CONTACT, chat=person, name=name, lid=lid)])

    async def change(self, command: Command[Any], changes: Sequence[StateChange]) -> None:
        """Make changes, if there are any; a new device waits a moment for its phone to share the key."""
        for pause in (*_PAUSES, None) if changes else ():
            try:
                await self._direct.ask(command, lambda connection: self._make(connection, changes))
            except StateUnreadable as error:
                if pause is None:
                    raise StateUnavailable from error
                await asyncio.sleep(pause)
            else:
                return

    async def _make(self, connection: Connection, changes: Sequence[StateChange]) -> None:
        """A number that nobody has asked about is written as WhatsApp writes it."""
        named = [
            replace(each, chat=await self._resolver.on(connection, Jid(each.chat)))
            if each.chat.endswith(f"@{USER_SERVER}")
            else each
            for each in changes
        ]
        await connection.change_state(named)

    async def _record(self, jid: Jid) -> ChatRecord | None:
        names = self._identities.all_names(self._identities.chat_of(jid))
        return await until_stored(lambda: self._storage.chats.of(self._session_id, names))

    async def _where(self, jid: Jid, record: ChatRecord | None) -> dict[str, Any]:
        """The chat as the app state names it, and the last message in it: what comes later is not meant."""
        names = [] if record is None or record.last is None else [record.last]
        found = await until_stored(lambda: self._storage.messages.named(self._session_id, names))
        last = next((_in_state(each) for each in found), None)
        return {"chat": name_in_state(self._identities.chat_of(jid), record), "message": last}

    async def _message(
        self, command: Command[StarMessage] | Command[DeleteMessage] | Command[LabelMessage]
    ) -> MessageRecord:
        record = await self._originals.named(command.data.reference, first_in=command.data.jid)
        if record is None:
            raise MessageNotFound(detail={"messageId": MessageId(command.data.message_id)})
        return record

    async def _where_of(self, record: MessageRecord) -> dict[str, Any]:
        chat = self._identities.chat_of(Jid(record.chat))
        return {"chat": name_in_state(chat, await self._record(chat)), "message": _in_state(record)}


def _in_state(record: MessageRecord) -> StateMessage:
    in_group = record.chat.endswith(f"@{GROUP_SERVER}")
    author = record.sender if in_group and not record.from_me else None
    timestamp = int(record.at.timestamp())
    return StateMessage(message_id=record.message_id, from_me=record.from_me, participant=author, timestamp=timestamp)


def _muted_until(data: UpdateChat) -> int | None:
    """Unix milliseconds, `FOR_EVER` or 0; None: as it was."""
    if data.muted_until is not None:
        return int(data.muted_until.timestamp() * _MILLISECONDS)
    return None if data.muted is None else FOR_EVER if data.muted else 0


def _is_so(record: ChatRecord | None, *, unread: bool) -> bool:
    """Whether a chat is marked as unread already, or has nothing unread."""
    if record is None:
        return not unread
    return record.marked_unread if unread else not record.marked_unread and record.unread == 0
