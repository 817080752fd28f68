"""Stand-ins for the neighbours of `consumers`: a manager that notes what it is asked, a ledger, a publisher."""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from consumers.delivery import Delivery
from consumers.ports import Accepted, Query
from gateway_worker.broker.errors import Unroutable
from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.connections.messages.ids import derive_message_id
from gateway_worker.store.operations.commands import Conflict, Done, Fresh, InProgress
from gateway_worker.store.records import Json
from schemas.commands.commands import Command, CommandKey
from schemas.commands.sessions import ReplayEvents
from schemas.content.account import PrivacySettings, ProfileDescription
from schemas.content.labels import Label
from schemas.envelope import Envelope
from schemas.errors import (
    ChatNotFound,
    CommandExpired,
    ContactNotFound,
    GatewayError,
    MessageNotFound,
    SessionNotFound,
    SessionNotPairing,
)
from schemas.events.sessions import SessionState
from schemas.names import MessageId, SessionId, UserId, WorkerId
from schemas.results import (
    ChatDescription,
    ChatPage,
    Contact,
    ContactDescription,
    ContactPage,
    ContactPicture,
    ContactsChecked,
    DesiredState,
    EventsReplayed,
    MessageDescription,
    MessagePage,
    MessageStats,
    PictureState,
    SessionDescription,
    SessionPage,
    SessionQr,
    WorkerDescription,
    WorkerState,
)
from tests.support.whatsapp.groups import FakeSessionGroups

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def body_of(
    command_type: str, subject: str | None, data: Mapping[str, Any], *, command_id: str | None = None, **more: Any
) -> bytes:
    """A command as a backend writes it."""
    envelope = {
        "specversion": "1.0",
        "id": command_id or str(uuid.uuid4()),
        "source": "/tests",
        "type": command_type,
        "time": "2026-11-22T10:30:00Z",
        "data": data,
        **({} if subject is None else {"subject": subject}),
        **more,
    }
    return json.dumps(envelope).encode()


def text_message(session_id: str, text: str = "hello", *, to: str = "+15550001111", **more: Any) -> bytes:
    """A `message.send`."""
    return body_of("message.send.v1", session_id, {"to": to, "content": {"kind": "text", "text": text}}, **more)


@dataclass
class FakeReceiver:
    """Where fake deliveries come in."""

    is_open: bool = True
    acked: list[int] = field(default_factory=list[int])

    def ack(self, tag: int) -> None:
        assert self.is_open
        self.acked.append(tag)


def delivery_of(body: bytes, *, queue: str, receiver: FakeReceiver | None = None, **more: Any) -> Delivery:
    """A delivery that nobody published."""
    values: dict[str, Any] = {
        "exchange": "gateway.commands",
        "routing_key": "control",
        "redelivered": False,
        "headers": {},
        "header_names": frozenset(more.get("headers", ())),
        "message_id": "amqp-1",
        "correlation_id": None,
        "reply_to": None,
        "content_type": "application/cloudevents+json",
        "content_encoding": None,
        "expiration": None,
        "arrived": 0.0,
        "tag": 1,
    }
    return Delivery(queue=queue, body=body, receiver=receiver or FakeReceiver(), **{**values, **more})


@dataclass
class MemoryPublisher:
    """Notes what is published. `queues` are those that exist for `forward`."""

    queues: set[str] = field(default_factory=set[str])
    events: list[Envelope] = field(default_factory=list[Envelope])
    replies: list[tuple[str, str | None, Envelope]] = field(default_factory=list[tuple[str, str | None, Envelope]])
    forwarded: list[tuple[str, Outgoing]] = field(default_factory=list[tuple[str, Outgoing]])
    dead_letters: list[tuple[Outgoing, Mapping[str, HeaderValue]]] = field(
        default_factory=list[tuple[Outgoing, Mapping[str, HeaderValue]]]
    )

    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish_event(self, envelope: Envelope) -> None:
        self.events.append(envelope)

    async def reply(
        self, reply_to: str, correlation_id: str | None, envelope: Envelope, *, is_due: Callable[[], bool]
    ) -> None:
        assert is_due()
        self.replies.append((reply_to, correlation_id, envelope))
        self.answered.set()

    async def forward(self, queue: str, message: Outgoing) -> None:
        if queue not in self.queues:
            raise Unroutable(queue)
        self.forwarded.append((queue, message))

    async def dead_letter(self, message: Outgoing, headers: Mapping[str, HeaderValue]) -> None:
        self.dead_letters.append((message, headers))


class MemoryLedger:
    """The ledger of commands, for one process."""

    def __init__(self) -> None:
        self.rows: dict[CommandKey, tuple[bytes, bool, Json | None]] = {}

    async def record(
        self,
        key: CommandKey,
        body_hash: bytes,
        command_type: str,  # noqa: ARG002 (of the port)
    ) -> Fresh | InProgress | Done | Conflict:
        await asyncio.sleep(0)
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = (body_hash, False, None)
            return Fresh()
        if row[0] != body_hash:
            return Conflict()
        return Done(row[2]) if row[1] else InProgress(2)

    async def finish(self, key: CommandKey, reply: Json | None) -> None:
        self.rows[key] = (self.rows[key][0], True, reply)


class FakeSession:
    """A session that sends by writing down. `connected` may be cleared to make messages wait."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.sent: list[str] = []
        self.connected = asyncio.Event()
        self.connected.set()
        self.changed = asyncio.Condition()
        self.failures: list[BaseException] = []
        self.groups = FakeSessionGroups()
        self.chat_states = FakeChatStates()
        self.own_account = FakeOwnAccount()
        self.labels = FakeLabels()
        self._in_progress: dict[MessageId, asyncio.Event] = {}

    async def send(self, command: Command[Any], accepted: Accepted) -> None:
        text = command.data.content.text
        self.begun.append(text)
        if self.failures:
            raise self.failures.pop(0)
        message_id = derive_message_id(b"secret", command.key)
        if command.expires_at is not None and command.expires_at <= NOW:
            raise CommandExpired
        while (first := self._in_progress.get(message_id)) is not None:
            await first.wait()
        over = self._in_progress[message_id] = asyncio.Event()
        try:
            await accepted(message_id)
            await self.connected.wait()
            if text not in self.sent:
                self.sent.append(text)
        finally:
            del self._in_progress[message_id]
            over.set()
            async with self.changed:
                self.changed.notify_all()

    async def until_sent(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.sent) >= count)

    async def fetch_media(self, command: Command[Any]) -> None:
        raise MessageNotFound(detail={"messageId": command.data.message_id})

    async def use_passkey(self, command: Command[Any]) -> None:
        self.sent.append(f"passkey {command.id}")

    async def confirm_passkey(self, command: Command[Any]) -> None:
        self.sent.append(f"confirm {command.id}")

    async def mark_read(self, command: Command[Any]) -> None:
        raise MessageNotFound(detail={"messageId": command.data.message_ids[0]})

    async def set_presence(self, command: Command[Any]) -> None:
        self.sent.append(command.data.state)

    async def set_disappearing(self, command: Command[Any]) -> None:
        self.sent.append(str(command.data.seconds))

    async def check_contacts(self, command: Command[Any]) -> ContactsChecked:
        return ContactsChecked(contacts=[Contact(phone=phone, exists=True) for phone in command.data.phones])

    async def get_picture(self, command: Command[Any]) -> ContactPicture:
        return ContactPicture(to=command.data.to, jid=command.data.jid, state=PictureState.NONE)


class FakeChatStates:
    """Implements `consumers.ports.ChatStates`: writes down what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def update(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def clear(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def delete(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def star_message(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def delete_message(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def save_contact(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def remove_contact(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)


class FakeLabels:
    """Implements `consumers.ports.Labels`: writes down what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def create(self, command: Command[Any]) -> Label:
        return Label(label_id="1", name=command.data.name, color=command.data.color)

    async def update(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def delete(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def label_chat(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def label_message(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)


class FakeOwnAccount:
    """Implements `consumers.ports.OwnAccount`: writes down what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def describe_profile(self, command: Command[Any]) -> ProfileDescription:
        return ProfileDescription(session_id=command.session_id, jid="1@s.whatsapp.net")

    async def set_profile(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def set_group_picture(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def describe_privacy(self, command: Command[Any]) -> PrivacySettings:
        return PrivacySettings(session_id=command.session_id)

    async def reject_call(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def set_privacy(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def block(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)

    async def unblock(self, command: Command[Any]) -> None:
        self.asked.append(command.kind.type)


class FakeQueries:
    """Answers about the sessions of a `FakeManager`."""

    def __init__(self, manager: "FakeManager") -> None:
        self._manager = manager

    def table(self) -> Mapping[str, Query]:
        return {
            "session.describe.v1": self.describe,
            "session.list.v1": self.list,
            "session.qr.v1": self.qr,
            "message.describe.v1": self.describe_message,
            "message.history.v1": self.list_messages,
            "message.stats.v1": self.count_messages,
            "chat.list.v1": self.list_chats,
            "chat.describe.v1": self.describe_chat,
            "contact.list.v1": self.list_contacts,
            "contact.describe.v1": self.describe_contact,
        }

    async def knows(self, session_id: SessionId) -> bool:
        return session_id in self._manager.sessions

    async def describe(self, command: Command[Any]) -> SessionDescription:
        await self._manager.ask("describe", command.session_id)
        self._manager.of(command.session_id)
        return SessionDescription(
            session_id=command.session_id,
            user_id=UserId("user"),
            state=SessionState.CONNECTED,
            desired_state=DesiredState.CONNECTED,
            since=NOW,
            epoch=1,
            sequence=1,
        )

    async def list_chats(self, command: Command[Any]) -> ChatPage:
        await self._manager.ask("list_chats", command.session_id)
        return ChatPage(chats=[])

    async def list_contacts(self, command: Command[Any]) -> ContactPage:
        await self._manager.ask("list_contacts", command.session_id)
        return ContactPage(contacts=[])

    async def describe_contact(self, command: Command[Any]) -> ContactDescription:
        await self._manager.ask("describe_contact", command.session_id)
        raise ContactNotFound

    async def describe_chat(self, command: Command[Any]) -> ChatDescription:
        await self._manager.ask("describe_chat", command.session_id)
        raise ChatNotFound

    async def list(self, command: Command[Any]) -> SessionPage:
        await self._manager.ask("list", command.data.cursor or "")
        return SessionPage(sessions=[])

    async def qr(self, command: Command[Any]) -> SessionQr:
        await self._manager.ask("qr", command.session_id)
        raise SessionNotPairing

    async def describe_message(self, command: Command[Any]) -> MessageDescription:
        await self._manager.ask("describe_message", command.session_id)
        raise MessageNotFound

    async def list_messages(self, command: Command[Any]) -> MessagePage:
        await self._manager.ask("list_messages", command.session_id)
        return MessagePage(messages=[])

    async def count_messages(self, command: Command[Any]) -> MessageStats:
        await self._manager.ask("count_messages", command.session_id)
        raise SessionNotFound


class FakeManager:
    """Knows the sessions it was told of; notes what it is asked for, and at which second of the loop.

    `failures`: by what is asked for, what goes wrong with it, one after the other; ``fail`` is `fail`.
    """

    def __init__(self, *session_ids: str) -> None:
        self.sessions = {SessionId(each): FakeSession() for each in session_ids}
        self.queries = FakeQueries(self)
        self.asked: list[tuple[str, str]] = []
        self.asked_at: list[float] = []
        self.failures: defaultdict[str, list[BaseException]] = defaultdict(list)
        self.full = False
        self.owners: dict[SessionId, WorkerId] = {}
        self.accepted_earlier: set[str] = set()
        self.failed: list[tuple[str, str]] = []
        self.started = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    def of(self, session_id: SessionId) -> FakeSession:
        session = self.sessions.get(session_id)
        if session is None:
            raise SessionNotFound
        return session

    async def create(self, command: Command[Any]) -> None:
        await self.ask("create", command.session_id)
        self.sessions.setdefault(command.session_id, FakeSession())

    async def owner(self, session_id: SessionId) -> WorkerId | None:
        if session_id not in self.owners and session_id not in self.sessions:
            raise SessionNotFound
        return self.owners.get(session_id)

    async def restart(self, command: Command[Any]) -> None:
        await self.ask("restart", command.session_id)

    async def logout(self, command: Command[Any]) -> None:
        await self.ask("logout", command.session_id)

    async def delete(self, command: Command[Any]) -> None:
        await self.ask("delete", command.session_id)

    async def migrate(self, command: Command[Any]) -> None:
        await self.ask("migrate", command.session_id)

    async def fleet_is_full(self) -> bool:
        return self.full

    async def fail(self, command: Command[Any], error: GatewayError) -> bool:
        if self.failures["fail"]:
            raise self.failures["fail"].pop(0)
        if command.id not in self.accepted_earlier:
            return False
        self.failed.append((command.id, error.code))
        return True

    async def ask(self, what: str, session_id: str) -> None:
        self.asked.append((what, session_id))
        self.asked_at.append(asyncio.get_running_loop().time())
        self.started.set()
        await self.may_go_on.wait()
        if self.failures[what]:
            raise self.failures[what].pop(0)


class FakeWorker:
    """An idle worker; notes whether it was told to drain."""

    def __init__(self) -> None:
        self.drained = False

    def describe(self) -> WorkerDescription:
        return WorkerDescription(
            worker_id=WorkerId("w1"),
            status=WorkerState.ONLINE,
            version="0",
            max_sessions=50,
            session_count=0,
            sessions_by_state={},
        )

    async def drain(self) -> None:
        self.drained = True


async def replay(session_id: SessionId, asked: ReplayEvents) -> EventsReplayed:
    """There is nothing to replay."""
    return EventsReplayed(session_id=session_id, count=0, newest_sequence=asked.from_sequence)
