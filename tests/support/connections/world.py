"""A connection manager among fakes, on virtual time, and the commands that a test gives it."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from gateway_worker.connections.base.brake import ProxyBrakes
from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.observer import UnobservedSessions
from gateway_worker.connections.base.opening_limiter import OpeningGate
from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.qr import png_data_url
from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.manager import ConnectionManager
from gateway_worker.connections.media.runner import MediaRunner
from gateway_worker.connections.snapshots import Identity, SnapshotKeeper
from gateway_worker.whatsapp.baileys import identity
from gateway_worker.whatsapp.facts import Cause, Connected, Paired, QrCode
from gateway_worker.whatsapp.port import Changes
from schemas.commands.commands import Command, parse_command
from schemas.names import MessageId, SessionId, WorkerId
from tests.support.connections.fake_engine import FakeConnection, FakeEngine, Script
from tests.support.connections.fake_media import FakeFiles, FakeMediaBucket, FakeMediaHost
from tests.support.connections.fake_ports import FakeAnnouncer, FakeCache, FakeQueues, FakeSnapshots
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import VirtualClock

ANNA = SessionId("anna")
ME = Connected(phone="+15550001111", jid="15550001111@s.whatsapp.net", lid="99@lid", push_name="Anna")
BERT = "+15550002222"
IDENTITY = Identity(
    kinds=frozenset({"app-key", "mapping"}), urgent_kinds=frozenset({"app-key"}), mark=lambda credentials: credentials
)
MAPPINGS = MappingForm(
    kind=identity.MAPPING_KIND, id_of=identity.mapping_id, number_id=identity.number_id, read=identity.mappings
)
_numbers = itertools.count(1)


class Alarms(UnobservedSessions):
    def __init__(self) -> None:
        self.codes: list[str] = []
        self.mended: list[str] = []  # sessions found in limbo
        self.aside: list[str] = []  # why things were set aside
        self.files: list[str] = []  # what became of tries to fetch or upload them

    def set_aside(self, reason: str) -> None:
        self.aside.append(reason)

    def file_fetched(self, seconds: float) -> None:  # noqa: ARG002 (see SessionObserver)
        self.files.append("fetched")

    def file_delayed(self, reason: str) -> None:
        self.files.append(reason)

    def file_failed(self, code: str) -> None:
        self.files.append(code)

    def file_held(self) -> None:
        self.files.append("held")

    def file_uploaded(self, seconds: float) -> None:  # noqa: ARG002
        self.files.append("uploaded")

    def file_reused(self) -> None:
        self.files.append("reused")

    def upload_failed(self) -> None:
        self.files.append("upload failed")

    def session_mended(self, kind: str) -> None:
        self.mended.append(kind)

    def alarm(self, code: str) -> None:
        self.codes.append(code)


@dataclass
class World:
    manager: ConnectionManager
    storage: FakeStorage
    cache: FakeCache
    engine: FakeEngine
    queues: FakeQueues
    announcer: FakeAnnouncer
    snapshots: FakeSnapshots
    observer: Alarms
    tasks: asyncio.TaskGroup
    capacity: list[bool] = field(default_factory=list[bool])
    files: FakeFiles = field(default_factory=FakeFiles)
    media_host: FakeMediaHost = field(default_factory=FakeMediaHost)
    media_bucket: FakeMediaBucket = field(default_factory=FakeMediaBucket)

    async def until(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        """Let virtual time pass until it holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 (virtual time: it costs nothing, and any condition will do)
                await asyncio.sleep(max(0.005, seconds / 10_000))

    async def state(self, state: State, session_id: SessionId = ANNA, *, seconds: float = 60) -> None:
        await self.until(lambda: self.storage.sessions.rows[session_id].state == state.value, seconds=seconds)

    async def opened(self, count: int, *, seconds: float = 60) -> None:
        await self.until(lambda: len(self.engine.opened) >= count, seconds=seconds)

    async def create(self, session_id: SessionId = ANNA, **data: Any) -> None:
        pairing = {"method": "qr"}
        given = {"sessionId": session_id, "userId": "user-1", "pairing": pairing} | data
        await self.manager.create(command("session.create.v1", session_id, given))

    async def connected(self, session_id: SessionId = ANNA, **data: Any) -> None:
        """A session that is paired already and connects at once."""
        self.engine.script = log_in
        self.storage.keys.blobs[session_id] = b"credentials"
        await self.create(session_id, **data)
        await self.state(State.CONNECTED, session_id)

    async def restart(self) -> None:
        await self.manager.restart(command("session.restart.v1", ANNA, {}))

    async def logout(self) -> None:
        await self.manager.logout(command("session.logout.v1", ANNA, {}))

    async def delete(self, session_id: SessionId = ANNA) -> None:
        await self.manager.delete(command("session.delete.v1", session_id, {}))

    async def migrate(self) -> None:
        await self.manager.migrate(command("session.migrate.v1", ANNA, {}))

    async def send(self, given: Command[Any]) -> MessageId:
        accepted: list[MessageId] = []

        async def note(message_id: MessageId) -> None:
            accepted.append(message_id)

        await self.manager.of(ANNA).send(given, note)
        (message_id,) = accepted
        return message_id

    def start_sending(self, given: Command[Any]) -> asyncio.Task[MessageId]:
        return self.tasks.create_task(self.send(given))

    @property
    def reason(self) -> Any:
        return self.storage.last_state()["reason"]


def command(kind: str, session_id: SessionId, data: dict[str, Any], **attributes: Any) -> Command[Any]:
    envelope = {
        "specversion": "1.0",
        "id": f"command-{next(_numbers)}",
        "source": "/backend",
        "type": kind,
        "subject": session_id,
        "data": data,
    }
    return parse_command(json.dumps(envelope | attributes).encode())


def text(body: str = "Hello", *, to: str = BERT, quote: str | None = None, **attributes: Any) -> Command[Any]:
    data: dict[str, Any] = {"to": to, "content": {"kind": "text", "text": body}}
    if quote is not None:
        data["quote"] = {"messageId": quote}
    return command("message.send.v1", ANNA, data, **attributes)


async def log_in(connection: FakeConnection) -> None:
    await connection.notify(ME)


async def show_qr(connection: FakeConnection) -> None:
    await connection.notify(QrCode(text="2@first", expires_in=60))


async def pair_by_qr(connection: FakeConnection) -> None:
    """A phone that scans at once, then the 515 and the login that follow."""
    if connection.request.credentials is not None:
        await log_in(connection)
        return
    await show_qr(connection)
    await connection.commit(Changes(keys={("pre-key", "1"): b"k"}))
    await connection.commit(Changes(credentials=b"paired"))
    await connection.notify(Paired(jid="15550001111:3@s.whatsapp.net", lid=None))
    await connection.end(Cause.RESTART_REQUIRED, 515)


async def draw_at_once(text: str) -> str:
    return png_data_url(text)


def then(cause: Cause) -> Script:
    """WhatsApp logs the session in and ends the connection a second later."""

    async def play(connection: FakeConnection) -> None:
        await log_in(connection)
        await asyncio.sleep(1)
        await connection.end(cause)

    return play


@asynccontextmanager
async def world(*, max_sessions: int = 5, storage: FakeStorage | None = None, number: int = 1) -> AsyncGenerator[World]:
    """The world of worker `number`; worlds with the same storage are one fleet."""
    async with asyncio.TaskGroup() as tasks:
        capacity: list[bool] = []
        storage = storage or FakeStorage()
        engine, cache, queues, announcer = FakeEngine(tasks), FakeCache(), FakeQueues(), FakeAnnouncer()
        observer, snapshots, clock = Alarms(), FakeSnapshots(), VirtualClock()
        keeper = SnapshotKeeper(
            records=snapshots,
            bucket=snapshots,
            identity=IDENTITY,
            observer=observer,
            monotonic=clock.monotonic,
        )
        worker_id, incarnation = WorkerId(f"worker-{number}"), f"run-{number}"
        storage.sessions.slots[worker_id] = max_sessions
        files, host, bucket = FakeFiles(), FakeMediaHost(), FakeMediaBucket()
        media = MediaRunner(rows=storage.media, downloads=host, bucket=bucket, now=clock.now)
        context = SessionContext(
            storage=storage,
            cache=cache,
            engine=engine,
            files=files,
            media=media,
            queues=queues,
            announcer=announcer,
            snapshots=keeper,
            observer=observer,
            clock=clock,
            rng=Random(1),
            gate=OpeningGate(20, 15),
            brakes=ProxyBrakes(cache=cache, clock=clock, seconds=60),
            worker_id=worker_id,
            mappings=MAPPINGS,
            draw_qr=draw_at_once,  # a thread knows no virtual time
        )
        manager = ConnectionManager(
            context, incarnation=incarnation, max_sessions=max_sessions, capacity_changed=capacity.append
        )
        tasks.create_task(manager.run())
        tasks.create_task(keeper.run())
        fetching = tasks.create_task(media.run())
        yield World(
            manager,
            storage,
            cache,
            engine,
            queues,
            announcer,
            snapshots,
            observer,
            tasks,
            capacity,
            files,
            host,
            bucket,
        )
        del storage.sessions.slots[worker_id]
        await manager.stop()
        await keeper.stop()
        fetching.cancel()
