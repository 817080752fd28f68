"""Answers from PostgreSQL and Redis, whoever owns the session."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from gateway_worker.connections.base.cursors import cursor_of, place_of
from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.storage import SessionCache, Storage
from gateway_worker.connections.chat_queries import ChatQueries
from gateway_worker.connections.contact_queries import ContactQueries
from gateway_worker.connections.incoming.calls import CALL_KIND
from gateway_worker.connections.incoming.group_notifications import GROUP_KIND
from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.messages.current import CurrentMessage, current_message
from gateway_worker.connections.messages.files import with_media
from gateway_worker.connections.messages.ids import derive_message_id
from gateway_worker.connections.messages.naming import one_of
from gateway_worker.connections.people.identities import chat_of, names_of
from gateway_worker.store.operations.labels import MAX_LABELS
from gateway_worker.store.records import Direction as Sent
from gateway_worker.store.records import MessageRecord, SessionRecord
from gateway_worker.timing.clock import Clock
from schemas.addresses import GROUP_SERVER, spellings
from schemas.commands.commands import Command, CommandKey
from schemas.commands.messages import CountMessages, DescribeMessage, ListMessages
from schemas.commands.sessions import DescribeSession, GetQr, ListSessions
from schemas.content.content import CONTENT_KINDS, Content
from schemas.errors import MessageNotFound, SessionNotFound, SessionNotPairing
from schemas.events.failures import Failure
from schemas.events.messages import MessageState
from schemas.events.sessions import Reason
from schemas.model import Model
from schemas.names import CommandId, MessageId, SessionId, WorkerId
from schemas.results import (
    DesiredState,
    Direction,
    LedgerEntry,
    LedgerState,
    MessageCount,
    MessageDescription,
    MessagePage,
    MessageStats,
    ReceiptShown,
    SessionDescription,
    SessionPage,
    SessionQr,
)

Query = Callable[[Command[Any]], Awaitable[Model]]
"""Answers one kind of command with its result. May raise gateway errors."""

_CONTENT: TypeAdapter[Content] = TypeAdapter(Content)
_WINDOW: Final = timedelta(days=1)
_NO_MESSAGES: Final = frozenset({CALL_KIND, GROUP_KIND})  # kept beside them, told by events of their own
_MAX_CHANGES: Final = 5_000  # of a page of messages, the newest: a reply stays below 16 MiB


class Queries:
    """What can be asked about sessions and messages: each is a method, and its line in `table`."""

    def __init__(self, storage: Storage, cache: SessionCache, clock: Clock, mappings: MappingForm) -> None:
        self._storage = storage
        self._cache = cache
        self._clock = clock
        self._mappings = mappings
        self._contacts = ContactQueries(storage, mappings, self._record)
        self._chats = ChatQueries(storage, clock, mappings, self._record, self._as_they_stand)

    def table(self) -> Mapping[str, Query]:
        """The query of each type of command."""
        return {
            "session.describe.v1": self.describe,
            "session.list.v1": self.list,
            "session.qr.v1": self.qr,
            "message.describe.v1": self.describe_message,
            "message.history.v1": self.list_messages,
            "message.stats.v1": self.count_messages,
            "chat.list.v1": self._chats.list,
            "chat.describe.v1": self._chats.describe,
            "label.list.v1": self._chats.labels,
            "contact.list.v1": self._contacts.list,
            "contact.describe.v1": self._contacts.describe,
            "contact.blocked.v1": self._contacts.blocked,
        }

    async def knows(self, session_id: SessionId) -> bool:
        """Whether there is such a session, wherever it lives. One whose end was told is gone."""
        record = await self._storage.sessions.get(session_id)
        return record is not None and not _is_going(record)

    async def describe(self, command: Command[DescribeSession]) -> SessionDescription:
        """What it is and how it fares.

        Raises:
            SessionNotFound: there is none.
        """
        return _describe(await self._record(command.session_id))

    async def list(self, command: Command[ListSessions]) -> SessionPage:
        """Sessions in the order of their ids, a page at a time."""
        request = command.data
        records = await self._storage.sessions.list(request.cursor, request.limit + 1, request.user_id)
        page = records[: request.limit]
        more = len(records) > request.limit
        shown = [_describe(each) for each in page if not _is_going(each)]
        return SessionPage(sessions=shown, cursor=page[-1].session_id if more else None)

    async def owner(self, session_id: SessionId) -> WorkerId | None:
        """Which worker has it. Raises SessionNotFound."""
        return (await self._record(session_id)).owner

    async def qr(self, command: Command[GetQr]) -> SessionQr:
        """The live QR.

        Raises:
            SessionNotFound: there is no such session.
            SessionNotPairing: there is no QR to be scanned now.
        """
        record = await self._record(command.session_id)
        kept = await self._cache.qr(command.session_id) if record.state == State.QR_REQUIRED.value else None
        qr = None if kept is None else SessionQr.model_validate(kept)
        if qr is None or qr.expires_at <= self._clock.now():
            raise SessionNotPairing
        return qr

    async def describe_message(self, command: Command[DescribeMessage]) -> MessageDescription:
        """One message's ledger, by its WhatsApp id or by the command that sent it.

        Raises:
            SessionNotFound, MessageNotFound: there is no such thing.
        """
        session = await self._record(command.session_id)
        record = await self._named(command, session)
        if record is None:
            raise MessageNotFound
        (described,) = await self._as_they_stand(command.session_id, [record])
        of_group = record.direction is Sent.OUTGOING and record.chat.endswith(f"@{GROUP_SERVER}")
        return await self._with_receipts(described) if of_group else described

    async def _with_receipts(self, described: MessageDescription) -> MessageDescription:
        """The same, and how far each of the group is with it."""
        found = await self._storage.messages.receipts(described.session_id, described.message_id)
        receipts = [
            ReceiptShown(
                participant=each.participant,
                status=MessageState(each.status.value),
                delivered_at=each.delivered_at,
                read_at=each.read_at,
                played_at=each.played_at,
            )
            for each in found
        ]
        return described.model_copy(update={"receipts": receipts or None})

    async def list_messages(self, command: Command[ListMessages]) -> MessagePage:
        """The messages of a chat, newest first, a page at a time. Raises SessionNotFound."""
        await self._record(command.session_id)
        data = command.data
        records = await self._storage.messages.history(
            command.session_id,
            await chat_of(self._mappings, self._storage.keys, command.session_id, data.chat_jid),
            before=place_of(data.cursor, self._clock.now()),
            kinds=CONTENT_KINDS,
            limit=data.limit + 1,
        )
        page = records[: data.limit]
        cursor = cursor_of(page[-1].created_at, page[-1].message_id) if len(records) > data.limit else None
        return MessagePage(messages=await self._as_they_stand(command.session_id, page), cursor=cursor)

    async def count_messages(self, command: Command[CountMessages]) -> MessageStats:
        """How many messages were stored in a window, by direction, kind and status. Raises SessionNotFound."""
        await self._record(command.session_id)
        until = command.data.until or self._clock.now()
        since = command.data.since or until - _WINDOW
        tallies = await self._storage.messages.tally(command.session_id, since, until, without=_NO_MESSAGES)
        counts = [
            MessageCount(
                direction=Direction(tally.direction.value),
                kind=tally.kind,
                status=LedgerState(tally.status.value),
                count=tally.count,
            )
            for tally in tallies
        ]
        return MessageStats(session_id=command.session_id, since=since, until=until, counts=counts)

    async def _named(self, command: Command[DescribeMessage], session: SessionRecord) -> MessageRecord | None:
        """The message that is meant; whose names nobody can ask, since this may be any worker, are read."""
        reference = command.data.reference(await self._message_id(command))
        found = await self._storage.messages.under(command.session_id, reference.message_id)
        referred = [reference.chat, reference.sender, session.jid, session.lid]
        asked = {*referred, *(each.chat for each in found), *(each.sender for each in found)}
        numbers = await names_of(self._mappings, self._storage.keys, command.session_id, asked)

        def all_names(jid: str) -> frozenset[str]:
            return spellings(numbers.get(jid, jid)) | {jid}

        own = {name for jid in (session.jid, session.lid) if jid for name in all_names(jid)}
        return one_of(found, reference, all_names, own=own)

    async def _message_id(self, command: Command[DescribeMessage]) -> MessageId:
        if command.data.message_id is not None:
            return MessageId(command.data.message_id)
        assert command.data.command_id is not None, "the schema wants one of both"
        secret = await self._storage.messages.secret(command.session_id)
        if secret is None:
            raise SessionNotFound
        key = CommandKey(source=command.data.source or command.key.source, id=command.data.command_id)
        return derive_message_id(secret, key)

    async def _as_they_stand(
        self, session_id: SessionId, records: Sequence[MessageRecord]
    ) -> Sequence[MessageDescription]:
        ids = [record.message_id for record in records]
        files = await self._storage.media.of(session_id, [(each.message_id, each.number) for each in records])
        changes = await self._storage.messages.changes(session_id, ids, _MAX_CHANGES)
        senders = {each.sender for each in (*records, *changes)} | {_said_author(each) for each in changes}
        names = await names_of(self._mappings, self._storage.keys, session_id, senders)
        labelled = await self._labels(session_id) if any(record.labels for record in records) else frozenset[str]()
        changes = [_renamed(each, names) for each in changes]
        return [
            _describe_message(labelled, record, with_media(record, current_message(record, changes), files))
            for record in (_renamed(each, names) for each in records)
        ]

    async def _labels(self, session_id: SessionId) -> frozenset[str]:
        """The ids of those that are there."""
        found = await self._storage.labels.list(session_id, MAX_LABELS)
        return frozenset(each.label_id for each in found if each.name is not None)

    async def _record(self, session_id: SessionId) -> SessionRecord:
        record = await self._storage.sessions.get(session_id)
        if record is None or _is_going(record):
            raise SessionNotFound
        return record


def _is_going(record: SessionRecord) -> bool:
    """Its end was told; the row only waits for its last events to be published."""
    return record.state == State.DELETED.value


def _said_author(change: MessageRecord) -> str | None:
    author = change.content.get("author")
    return author if isinstance(author, str) else None


def _renamed(record: MessageRecord, names: Mapping[str, str]) -> MessageRecord:
    """With its sender, and whose message it changes, under the one name of that person."""
    name, author = names.get(record.sender or ""), names.get(_said_author(record) or "")
    if author is not None:
        record = replace(record, content={**record.content, "author": author})
    return record if name is None else replace(record, sender=name)


def _describe(record: SessionRecord) -> SessionDescription:
    return SessionDescription(
        session_id=record.session_id,
        user_id=record.user_id,
        state=State(record.state),
        desired_state=DesiredState(record.desired.value),
        since=record.state_since,
        created_at=record.created_at,
        phone=record.phone,
        jid=record.jid,
        lid=record.lid,
        name=record.push_name,
        owner=record.owner,
        epoch=record.epoch,
        sequence=record.sequence,
        retry_at=record.retry_at,
        reason=Reason.model_validate(record.reason) if record.reason else None,
    )


def _describe_message(labels: frozenset[str], record: MessageRecord, now: CurrentMessage) -> MessageDescription:
    labelled = [each for each in (record.labels or "").split(",") if each in labels]
    steps = sorted(record.statuses.items(), key=lambda step: step[1])
    return MessageDescription(
        session_id=record.session_id,
        message_id=record.message_id,
        command_id=CommandId(record.command_id) if record.command_id else None,
        direction=Direction(record.direction.value),
        chat=record.chat,
        to=record.recipient,
        sender=record.sender,
        from_me=record.from_me,
        kind=record.kind,
        status=LedgerState(record.status.value),
        created_at=record.created_at,
        ledger=[LedgerEntry(status=LedgerState(status.value), timestamp=at) for status, at in steps],
        content=_CONTENT.validate_python(now.content) if now.content and record.kind in CONTENT_KINDS else None,
        error=Failure.model_validate(record.error) if record.error else None,
        edited_at=now.edited_at,
        revoked_at=now.revoked_at,
        expires_at=record.expires_at,
        reactions=now.reactions or None,
        votes=now.votes or None,
        pinned=now.pinned or None,
        pinned_until=now.pinned_until,
        kept=now.kept or None,
        starred=record.starred or None,
        labels=labelled or None,
    )
