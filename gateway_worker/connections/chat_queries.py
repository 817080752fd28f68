"""What can be asked about chats, whoever owns the session: from PostgreSQL alone, by an index."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway_worker.connections.base.cursors import cursor_of, place_of
from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.people.identities import chat_of
from gateway_worker.store.operations.chats import FOR_EVER
from gateway_worker.store.operations.labels import MAX_LABELS
from gateway_worker.store.records import ChatRecord, MessageRecord, SessionRecord
from gateway_worker.timing.clock import Clock
from schemas.addresses import GROUP_SERVER, LID_SERVER, USER_SERVER, spellings
from schemas.commands.chats import DescribeChat, ListChats
from schemas.commands.commands import Command
from schemas.commands.labels import ListLabels
from schemas.content.labels import Label, LabelList
from schemas.errors import ChatNotFound
from schemas.names import SessionId
from schemas.results import ChatDescription, ChatKind, ChatPage, MessageDescription

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = {USER_SERVER: ChatKind.PERSON, LID_SERVER: ChatKind.PERSON, GROUP_SERVER: ChatKind.GROUP}

FindSession = Callable[[SessionId], Awaitable[SessionRecord]]
"""The session's row; raises SessionNotFound."""
DescribeMessages = Callable[[SessionId, Sequence[MessageRecord]], Awaitable[Sequence[MessageDescription]]]
"""Messages as they stand, in their order."""


class ChatQueries:
    """The queries about chats."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        mappings: MappingForm,
        find_session: FindSession,
        describe_messages: DescribeMessages,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._mappings = mappings
        self._find_session = find_session
        self._describe_messages = describe_messages

    async def list(self, command: Command[ListChats]) -> ChatPage:
        """The chats, the one with the newest message first, a page at a time. Raises SessionNotFound."""
        await self._find_session(command.session_id)
        data = command.data
        records = await self._storage.chats.list(
            command.session_id,
            before=place_of(data.cursor, self._clock.now()),
            archived=data.archived,
            limit=data.limit + 1,
        )
        page = records[: data.limit]
        cursor = cursor_of(page[-1].last_at, page[-1].chat) if len(records) > data.limit else None
        return ChatPage(chats=await self._described(command.session_id, page), cursor=cursor)

    async def describe(self, command: Command[DescribeChat]) -> ChatDescription:
        """One chat, by any of its names.

        Raises:
            SessionNotFound, ChatNotFound: there is no such thing.
        """
        await self._find_session(command.session_id)
        asked = command.data.jid
        named = await chat_of(self._mappings, self._storage.keys, command.session_id, asked)
        record = await self._storage.chats.of(command.session_id, {named, asked} | spellings(named))
        if record is None:
            raise ChatNotFound
        (described,) = await self._described(command.session_id, [record])
        return described

    async def labels(self, command: Command[ListLabels]) -> LabelList:
        """The labels. Raises SessionNotFound."""
        await self._find_session(command.session_id)
        return LabelList(labels=list((await self._labels(command.session_id)).values()))

    async def _labels(self, session_id: SessionId) -> Mapping[str, Label]:
        """Those that are there, by their ids."""
        found = await self._storage.labels.list(session_id, MAX_LABELS)
        return {
            each.label_id: Label(label_id=each.label_id, name=each.name, color=each.color)
            for each in found
            if each.name is not None
        }

    async def _described(self, session_id: SessionId, records: Sequence[ChatRecord]) -> Sequence[ChatDescription]:
        names = [record.last for record in records if record.last is not None]
        found = await self._storage.messages.named(session_id, names)
        messages = await self._describe_messages(session_id, found)
        last = {(record.message_id, record.number): each for record, each in zip(found, messages, strict=True)}
        now = self._clock.now()
        labels = await self._labels(session_id) if any(each.labels for each in records) else dict[str, Label]()
        return [
            _description(record, None if record.last is None else last.get(record.last), now, labels)
            for record in records
        ]


def _description(
    record: ChatRecord, last: MessageDescription | None, now: datetime, labels: Mapping[str, Label]
) -> ChatDescription:
    until = None if record.muted_until in (0, FOR_EVER) else _moment(record.muted_until)
    is_muted = record.muted_until != 0 and (until is None or until > now)
    return ChatDescription(
        chat=record.chat,
        kind=_KINDS.get(record.chat.rpartition("@")[2], ChatKind.OTHER),
        last_message=last,
        last_at=None if record.last_at == _NEVER else record.last_at,
        unread=record.unread,
        marked_unread=record.marked_unread,
        archived=record.archived,
        pinned=record.pinned_at is not None,
        muted=is_muted,
        muted_until=until if is_muted else None,
        disappearing_seconds=record.disappearing,
        labels=[each for each in record.labels if each in labels] or None,
    )


def _moment(milliseconds: int) -> datetime | None:
    """A time in Unix milliseconds; None where it is beyond all times: for ever."""
    try:
        return _NEVER + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
