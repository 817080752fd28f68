# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""An engine whose connections do what a test tells them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_worker.store.errors import StaleEpoch
from gateway_worker.whatsapp.app_state import StateChange
from gateway_worker.whatsapp.errors import EngineError, NotConnected, NotOnPhone, Refused
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact
from gateway_worker.whatsapp.files import FileClass, FileReference
from gateway_worker.whatsapp.outgoing import Acknowledged, MessageRef, OutgoingMessage
from gateway_worker.whatsapp.people import ContactCheck, Picture, PresenceState
from gateway_worker.whatsapp.port import Changes, OpenRequest, Owner
from gateway_worker.whatsapp.remote_files import FileRequest, RemoteFile
from schemas.content.content import Media
from schemas.names import SessionId
from tests.support.connections.fake_own_account import FakeOwnAccount
from tests.support.connections.virtual_time import VirtualClock
from tests.support.whatsapp.groups import FakeGroups

Answer = Callable[[OutgoingMessage], Awaitable[Acknowledged]]


class FakeConnection:
    """Acknowledges what is sent, unless `answers` says otherwise for the next ones."""

    def __init__(self, engine: "FakeEngine", request: OpenRequest, owner: Owner) -> None:
        self.engine = engine
        self.request = request
        self.owner = owner
        self.over = False
        self.read: list[MessageRef] = []
        self.states: list[StateChange] = []
        self.own = engine.own
        self.presences: list[tuple[str, PresenceState]] = []
        self.groups = engine.groups
        self.followed: list[str] = []
        self.proofs: list[Mapping[str, Any]] = []
        self.confirmed: list[bool] = []

    async def notify(self, fact: Fact) -> None:
        if not self.over:
            self.over = isinstance(fact, Disconnected)
            await self.owner.notify(fact)

    async def commit(self, changes: Changes) -> None:
        await self.owner.commit(changes)

    async def end(self, cause: Cause, code: int | None = None) -> None:
        await self.notify(Disconnected(cause=cause, code=code))

    async def send(self, message: OutgoingMessage) -> Acknowledged:
        self._must_be_open()
        await self.commit(Changes(sent={message.message_id: b"plain"}))
        self.engine.sent.append(message)
        if self.engine.answers:
            return await self.engine.answers.pop(0)(message)
        await asyncio.sleep(0.01)
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    async def upload(self, path: Path, file_class: FileClass) -> FileReference:
        self._must_be_open()
        self.engine.uploads.append(path)
        if self.engine.upload_answers:
            return await self.engine.upload_answers.pop(0)(self)
        return uploaded(len(self.engine.uploads))

    async def holds(self, reference: FileReference) -> bool:
        self._must_be_open()
        return reference.direct_path not in self.engine.gone

    async def ask_for_file(self, request: FileRequest) -> str:
        raise NotOnPhone

    async def file_in(self, plaintext: bytes) -> tuple[RemoteFile, Media] | None:
        self._must_be_open()
        return self.engine.files.get(plaintext)

    async def mark_read(self, messages: Sequence[MessageRef]) -> None:
        self._must_be_open()
        self.read += messages

    async def change_state(self, changes: Sequence[StateChange]) -> None:
        self._must_be_open()
        if self.engine.state_answers:
            raise self.engine.state_answers.pop(0)
        self.states += changes

    async def send_presence(self, to: str, state: PresenceState) -> None:
        self._must_be_open()
        self.presences.append((to, state))

    async def check_contacts(self, phones: Sequence[str]) -> Sequence[ContactCheck]:
        self._must_be_open()
        self.engine.asked += phones
        return [await self.engine.contact(phone) for phone in phones]

    async def get_picture(self, jid: str, *, preview: bool) -> Picture:
        self._must_be_open()
        return Picture(id="1", url=f"https://pictures.example/{jid}?preview={preview}")

    async def subscribe_presence(self, jid: str) -> None:
        self._must_be_open()
        self.followed.append(jid)

    async def prove(self, assertion: Mapping[str, Any]) -> None:
        self._must_be_open()
        self.proofs.append(assertion)
        if self.engine.refuses_passkeys:
            await self.end(Cause.PASSKEY_REFUSED, 463)
            raise Refused("463")

    async def confirm_code(self, *, same: bool) -> None:
        self._must_be_open()
        self.confirmed.append(same)

    async def logout(self) -> None:
        self._must_be_open()
        self.engine.unlinked.append(self.request.session_id)
        await self.end(Cause.LOGGED_OUT, 401)

    async def close(self) -> None:
        await self.end(Cause.REQUESTED)

    def _must_be_open(self) -> None:
        if self.over:
            raise NotConnected


Script = Callable[[FakeConnection], Awaitable[None]]
Contact = Callable[[str], Awaitable[ContactCheck]]


async def as_written(phone: str) -> ContactCheck:
    """WhatsApp writes the number as whoever asks."""
    return ContactCheck(phone=phone, exists=True, jid=f"{phone[1:]}@s.whatsapp.net")


UploadAnswer = Callable[[FakeConnection], Awaitable[FileReference]]


def uploaded(number: int) -> FileReference:
    """Where the `number`-th upload lies."""
    return FileReference(
        url=f"https://media/{number}",
        direct_path=f"/{number}",
        media_key=bytes(32),
        sha256=bytes(32),
        encrypted_sha256=bytes(32),
        size=3,
        timestamp=1,
    )


@dataclass
class FakeEngine:
    """`script` is what WhatsApp does with each new connection, in a task of its own; `answers` with each message."""

    tasks: asyncio.TaskGroup
    script: Script | None = None
    opened: list[FakeConnection] = field(default_factory=list[FakeConnection])
    sent: list[OutgoingMessage] = field(default_factory=list[OutgoingMessage])
    answers: list[Answer] = field(default_factory=list[Answer])
    unlinked: list[SessionId] = field(default_factory=list[SessionId])
    asked: list[str] = field(default_factory=list[str])
    contact: Contact = as_written
    groups: FakeGroups = field(default_factory=FakeGroups)
    own: FakeOwnAccount = field(default_factory=FakeOwnAccount)
    uploads: list[Path] = field(default_factory=list[Path])
    upload_answers: list[UploadAnswer] = field(default_factory=list["UploadAnswer"])
    gone: set[str] = field(default_factory=set[str])
    files: dict[bytes, tuple[RemoteFile, Media]] = field(default_factory=dict[bytes, tuple[RemoteFile, Media]])
    refuses: bool = False
    refuses_passkeys: bool = False
    state_answers: list[EngineError] = field(default_factory=list[EngineError])  # to the next changes of the app state

    async def open(self, request: OpenRequest, owner: Owner) -> FakeConnection:
        if self.refuses:
            raise EngineError("no process")
        connection = FakeConnection(self, request, owner)
        self.opened.append(connection)
        if self.script is not None:
            self.tasks.create_task(self._play(self.script, connection))
        return connection

    @staticmethod
    async def _play(script: Script, connection: FakeConnection) -> None:
        await asyncio.sleep(0.01)
        try:
            await script(connection)
        except StaleEpoch:  # as the real engine: the owner refused, so the connection is over
            await connection.end(Cause.STORE_FAILED)

    @property
    def last(self) -> FakeConnection:
        return self.opened[-1]
