"""The store in memory: it applies what is written as PostgreSQL would, in one go."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_worker.store.errors import ContentRefused, StaleEpoch, StoreUnavailable
from gateway_worker.store.operations.chats import DropMessage, EmptyChat, SetStar, UpdateChats
from gateway_worker.store.operations.commands import AlreadySettled, BeginMessage, Begun, Conflict, InProgress
from gateway_worker.store.operations.history import FinishHistory, HistoricMessage, StoreHistory
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.labels import SetLabel
from gateway_worker.store.operations.media import PutMedia, PutUpload, RetryMedia, SettleMedia
from gateway_worker.store.operations.messages import (
    PutEntries,
    PutSentPlaintext,
    ReceiveMessage,
    ReplaceContent,
    SetExpiry,
    SettleEntries,
)
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import JoinChats, LearnContacts
from gateway_worker.store.operations.receipts import AdvanceParticipant, AdvanceStatus
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas, SetAside
from gateway_worker.store.operations.timers import ChatTimer, SetTimers
from gateway_worker.store.operations.usage import ReportUsage
from gateway_worker.store.records import (
    NOBODY_SAYS,
    CausedBy,
    Direction,
    Fence,
    Json,
    ParticipantReceipt,
    Status,
    Taken,
    Timer,
    UserLimit,
    UserSpan,
)
from gateway_worker.store.sessions.user_limits import SPANS
from gateway_worker.store.writing import status_order
from schemas.names import MessageId, SessionId, UserId
from tests.support.connections.fake_chats import FakeChats, FakeContacts, FakeLabels
from tests.support.connections.fake_media import FakeMedia
from tests.support.connections.fake_messages import FakeKeys, FakeMessages, FakeUploads, message_row
from tests.support.connections.fake_sessions import FakeOwners, FakeSessions
from tests.support.connections.fake_set_aside import FakeSetAsides
from tests.support.connections.virtual_time import VirtualClock


@dataclass
class FakeTimers:
    """Of one session."""

    messages: FakeMessages
    known: dict[str, Timer] = field(default_factory=dict[str, Timer])

    async def of(self, session_id: SessionId, limit: int) -> dict[str, Timer]:
        del session_id, limit
        return {chat: timer for chat, timer in self.known.items() if timer.changed_at > NOBODY_SAYS}

    async def is_new(self, session_id: SessionId, chat: Collection[str], own: Collection[str]) -> bool:
        del session_id
        rows = (row for row in self.messages.rows.values() if row.from_me and row.chat in chat)
        written = any(row.status not in (Status.PENDING, Status.FAILED) for row in rows)
        return any(each in self.known for each in own) and not any(each in self.known for each in chat) and not written

    def keep(self, timer: ChatTimer) -> bool:
        """Whether it is another than before; what was set before the one that is kept changes nothing."""
        known = self.known.get(timer.chat)
        if known is not None and timer.changed_at < known.changed_at:
            return False
        self.known[timer.chat] = Timer(seconds=timer.seconds, changed_at=timer.changed_at)
        return timer.seconds != (known.seconds if known else 0)


@dataclass
class FakeUserLimits:
    """Counts as the store does, for a test's one user."""

    limits: dict[UserId, UserLimit] = field(default_factory=dict[UserId, UserLimit])
    taken: dict[UserSpan, list[float]] = field(default_factory=lambda: {span: [] for span in UserSpan})

    async def put(self, user_id: UserId, limit: UserLimit) -> None:
        self.limits[user_id] = limit

    async def of(self, user_id: UserId) -> UserLimit | None:
        return self.limits.get(user_id)

    async def take(self, user_id: UserId, span: UserSpan) -> Taken | None:
        limit = self.limits[user_id]
        most = limit.per_day if span is UserSpan.DAY else limit.per_minute
        if most is None:
            return None
        now, times, seconds = VirtualClock().now().timestamp(), self.taken[span], SPANS[span].total_seconds()
        at = max(now, times[-most] + seconds) if len(times) >= most else now
        is_full = span is UserSpan.DAY and at > now
        if not is_full:
            times.append(at)
        return Taken(number=None if is_full else len(times), at=datetime.fromtimestamp(at, UTC))

    async def give_back(self, user_id: UserId, number: int) -> None:
        del user_id, number
        self.taken[UserSpan.DAY].pop()

    async def used(self, user_id: UserId, span: UserSpan) -> int:
        del user_id
        return len(self.taken[span])


@dataclass
class FakeStorage:
    """Keeps everything; `away` makes it unavailable, `events` is what a backend would be told, in order."""

    sessions: FakeSessions = field(default_factory=FakeSessions)
    owners: FakeOwners = field(init=False)
    keys: FakeKeys = field(default_factory=FakeKeys)
    messages: FakeMessages = field(default_factory=FakeMessages)
    uploads: FakeUploads = field(default_factory=FakeUploads)
    media: FakeMedia = field(default_factory=FakeMedia)
    set_aside: FakeSetAsides = field(default_factory=FakeSetAsides)
    timers: FakeTimers = field(init=False)
    chats: FakeChats = field(default_factory=FakeChats)
    labels: FakeLabels = field(default_factory=FakeLabels)
    contacts: FakeContacts = field(default_factory=FakeContacts)
    user_limits: FakeUserLimits = field(default_factory=FakeUserLimits)
    events: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    causes: list[tuple[str, CausedBy | None]] = field(default_factory=list[tuple[str, CausedBy | None]])
    past: list[HistoricMessage] = field(default_factory=list[HistoricMessage])
    learnt: list[LearnContacts] = field(default_factory=list[LearnContacts])
    away: bool = False
    refuses: Callable[[Operation[Any]], bool] = lambda _: False  # for its content
    writes: list[tuple[Operation[Any], ...]] = field(default_factory=list[tuple[Operation[Any], ...]])
    back: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.owners = FakeOwners(self.sessions)
        self.messages.is_away = lambda: self.away
        self.timers = FakeTimers(self.messages)

    @property
    def ownership(self) -> FakeSessions:
        return self.sessions

    @property
    def moves(self) -> FakeSessions:
        return self.sessions

    async def commit(self, fence: Fence, *operations: Operation[Any]) -> tuple[Any, ...]:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable
        row = self.sessions.rows.get(fence.session_id)
        if row is None or row.epoch != fence.epoch:
            raise StaleEpoch
        if any(self.refuses(operation) for operation in operations):
            raise ContentRefused
        self.writes.append(operations)
        return tuple(self._apply(fence.session_id, operation) for operation in operations)

    def statuses(self, command_id: str) -> list[str]:
        return [str(data["status"]) for _, data in self.events if data.get("commandId") == command_id]

    def states(self, session_id: str) -> list[str]:
        kind = "session.status.v1"
        return [str(data["state"]) for type_, data in self.events if type_ == kind and data["sessionId"] == session_id]

    def last_state(self) -> Json:
        return [data for type_, data in self.events if type_ == "session.status.v1"][-1]

    def _apply(self, session_id: SessionId, operation: Operation[Any]) -> Any:  # noqa: C901, PLR0911, PLR0912, PLR0915 (one case each)
        match operation:
            case SetAside() | BeginStanza() | EndStanzas():
                return self.set_aside.apply(session_id, operation)
            case UpdateChats() | SetStar() | DropMessage() | EmptyChat():
                return self.chats.apply(operation)
            case SetLabel():
                return self.labels.apply(operation)
            case ChangeState():
                self._change(session_id, operation)
            case DropCredentials():
                self.keys.blobs.pop(session_id, None)
                self.keys.keys.pop(session_id, None)
            case PutCredentials():
                self.keys.blobs[session_id] = operation.blob
            case PutKeys():
                kept = {**self.keys.keys[session_id], **operation.keys}
                self.keys.keys[session_id] = {name: value for name, value in kept.items() if value is not None}
            case PutEntries():
                for each in operation.entries:
                    key = (each.chat, each.sender, each.message_id, each.index)
                    self.keys.entries.setdefault(key, each.plaintext)
                    if each.unprocessed:
                        self.keys.awaited.add(each.message_id)
            case SettleEntries():
                self.keys.awaited.difference_update(operation.message_ids)
            case PutSentPlaintext():
                self.messages.plaintexts.update({MessageId(k): v for k, v in operation.plaintexts.items()})
                self.messages.encrypted.update(MessageId(k) for k in operation.plaintexts)
            case PutUpload():
                self.uploads.known[session_id, operation.file_class, operation.sha256] = operation.reference
            case SetExpiry():
                row = self.messages.rows[operation.message_id]
                expires_at = row.created_at + timedelta(seconds=operation.seconds)
                self.messages.rows[operation.message_id] = replace(row, expires_at=expires_at)
            case ReplaceContent():
                row = self.messages.rows[operation.message_id]
                self.messages.rows[operation.message_id] = replace(row, content=operation.content)
            case BeginMessage():
                return self._begin(session_id, operation)
            case AdvanceStatus():
                return self._advance(session_id, operation)
            case AdvanceParticipant():
                return self._advance_participant(session_id, operation)
            case ReceiveMessage():
                return self._receive(session_id, operation)
            case JoinChats(chats=chats):
                for message_id, row in self.messages.rows.items():
                    self.messages.rows[message_id] = replace(row, chat=chats.get(row.chat, row.chat))
            case StoreHistory():
                self.past += operation.messages
            case FinishHistory():
                self.events.append((operation.event_type, operation.event))
            case LearnContacts():
                self.learnt.append(operation)
            case SetTimers():
                news = [each for each in operation.timers if self.timers.keep(each)]
                self.events += [(operation.event_type, each.event) for each in news]
                return len(news)
            case PutMedia():
                self.media.put(session_id, operation.message_id, operation.media)
            case RetryMedia():
                self.media.retry(operation)
            case SettleMedia():
                if self.media.settle(operation):
                    self.events.append((operation.event_type, operation.event))
            case ReportUsage():
                return 0
            case AppendEvent():
                self.events.append((operation.type, operation.data))
            case _:
                raise AssertionError(f"unexpected {operation!r}")
        return None

    def _change(self, session_id: SessionId, change: ChangeState) -> None:
        row = self.sessions.rows[session_id]
        self.sessions.rows[session_id] = replace(
            row,
            state=change.state,
            reason=change.reason,
            retry_at=change.retry_at,
            applied_generation=change.applied_generation or row.applied_generation,
            phone=change.phone or row.phone,
            jid=change.jid or row.jid,
            push_name=change.push_name or row.push_name,
            caused_by=None if change.fulfilled and not row.move_wished else row.caused_by,
        )
        if change.event is not None:
            self.events.append(("session.status.v1", change.event))
            self.causes.append((change.state, change.caused_by))

    def _begin(self, session_id: SessionId, begin: BeginMessage) -> object:
        known = self.messages.rows.get(begin.message_id)
        if known is None:
            self.messages.hashes[begin.message_id] = begin.body_hash
            self.messages.rows[begin.message_id] = message_row(
                session_id,
                begin.message_id,
                chat=begin.chat or begin.to,
                content=begin.content,
                command=(begin.key.source, begin.key.id),
                about=begin.about,
            )
            return Begun()
        if self.messages.hashes[begin.message_id] != begin.body_hash:
            return Conflict()
        if known.is_final:
            return AlreadySettled(status=known.status, at=known.created_at, error=known.error)
        return InProgress(attempts=2)

    def _advance(self, session_id: SessionId, advance: AdvanceStatus) -> bool:
        row = self.messages.rows.get(advance.message_id)
        steps = () if row is None else status_order.advance(row.status, row.error, advance.status)
        if row is None or not steps:
            return False
        self.messages.rows[advance.message_id] = replace(
            row, status=steps[-1], error=advance.error, chat=advance.chat or row.chat
        )
        for step in steps:
            event = {"sessionId": session_id, "commandId": row.command_id, "status": step.value}
            self.events.append(("message.status.v1", event | ({"error": advance.error} if advance.error else {})))
        return True

    def _advance_participant(self, session_id: SessionId, advance: AdvanceParticipant) -> bool:
        row, people = self.messages.rows.get(advance.message_id), self.messages.people[advance.message_id]
        if row is None or row.chat != advance.chat or row.direction is not Direction.OUTGOING:
            return False
        who, steps = advance.participant, status_order.advance(row.status, row.error, advance.status)
        if advance.lid in people:
            people.setdefault(who, replace(people.pop(advance.lid), participant=who))
        before = people.get(who, _nothing_yet(who))
        if (row.status is Status.FAILED and not steps) or not status_order.advance(before.status, None, advance.status):
            return False
        stamp: dict[str, Any] = {f"{advance.status.value}_at": advance.at}
        people[who] = replace(before, status=advance.status, **stamp)
        event = {"sessionId": session_id, "commandId": row.command_id}
        if steps:
            self.messages.rows[advance.message_id] = replace(row, status=steps[-1], error=None)
        if Status.SENT in steps:
            self.events.append(("message.status.v1", event | {"status": Status.SENT.value}))
        event = event | {"status": advance.status.value, "participant": advance.participant}
        self.events.append(("message.status.v1", event))
        return True

    def _receive(self, session_id: SessionId, receive: ReceiveMessage) -> bool:
        if receive.message_id in self.messages.rows:
            return False
        self.messages.rows[receive.message_id] = message_row(
            session_id,
            receive.message_id,
            chat=receive.chat,
            content=receive.content,
            sender=receive.sender,
            about=receive.about,
            from_me=receive.from_me,
        )
        self.events.append((receive.event_type, receive.event))
        if receive.media is not None:
            self.media.put(session_id, receive.message_id, receive.media)
        return True


def _nothing_yet(participant: str) -> ParticipantReceipt:
    return ParticipantReceipt(
        participant=participant, status=Status.SENT, delivered_at=None, read_at=None, played_at=None
    )
