"""The engine with its bridges, the simulator and owners in memory: sessions to test connections with."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from gateway_worker.simulator.run import new_simulator
from gateway_worker.simulator.shell.server import Simulator
from gateway_worker.whatsapp.baileys.engine import BaileysEngine
from gateway_worker.whatsapp.baileys.lease import Lease
from gateway_worker.whatsapp.baileys.process.configuration import Configuration
from gateway_worker.whatsapp.facts import Cause, Connected, Disconnected, QrCode
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from gateway_worker.whatsapp.port import Connection, OpenRequest
from schemas.content.content import Text
from schemas.names import SessionId
from tests.support.whatsapp.owner import MemoryOwner
from tests.support.whatsapp.phones import Phone, Phones

_sessions = itertools.count(1)
_messages = itertools.count(1)
_FIRST_MESSAGES = 3  # keys, addresses, names


def new_message_id() -> str:
    """A WhatsApp message id that no other test uses."""
    return f"3EB0{next(_messages):018X}"


@dataclass(slots=True, kw_only=True)
class Session:
    """A session, its phone and what its owner holds."""

    engine: BaileysEngine
    phone: Phone
    owner: MemoryOwner = field(default_factory=MemoryOwner)
    session_id: SessionId = field(default_factory=lambda: SessionId(f"session-{next(_sessions)}"))

    async def open(self, **options: object) -> Connection:
        """Open a connection with the credentials the owner has."""
        request = OpenRequest(session_id=self.session_id, credentials=self.owner.credentials)
        for name, value in options.items():
            object.__setattr__(request, name, value)
        return await self.engine.open(request, self.owner)

    async def connect(self, **options: object) -> Connection:
        """Open, and wait until it is logged in."""
        before = len(self.owner.facts_of(Connected))
        connection = await self.open(**options)
        await self.owner.next(Connected, before + 1)
        return connection


@dataclass(slots=True, kw_only=True)
class Lab:
    """A simulator, its phones, and an engine that trusts it."""

    simulator: Simulator
    phones: Phones
    engine: BaileysEngine

    async def unpaired(self, name: str = "Ana", *, passkey: bool = False) -> Session:
        """A session that was never paired, and the person who will scan."""
        return Session(engine=self.engine, phone=await self.phones.give(name, passkey=passkey))

    async def paired(self, name: str = "Ana") -> Session:
        """A session paired by QR, not connected."""
        session = await self.unpaired(name)
        await self.pair(session)
        return session

    async def pair(self, session: Session) -> None:
        """Its person scans the QR."""
        await session.open()
        qr = await session.owner.next(QrCode)
        await self.phones.scan(session.phone, qr.text)
        end = await session.owner.next(Disconnected)
        assert end.cause is Cause.RESTART_REQUIRED, end

    async def connected(self, name: str = "Ana", **options: object) -> tuple[Session, Connection]:
        """A session paired by QR, logged in, and past what its phone sends a new device (keys, history)."""
        session = await self.paired(name)
        connection = await session.connect(**options)
        await session.owner.until(lambda: len(session.owner.entries) >= _FIRST_MESSAGES)
        return session, connection

    async def queued(self, phone: Phone) -> int:
        """How many stanzas WhatsApp keeps for the phone's companions, because they did not confirm them."""
        queues = (await self.phones.stats())["queues"]
        return sum(count for device, count in queues.items() if device.startswith(f"{phone.number[1:]}:"))

    def ratchets(self, phone: Phone) -> list[int]:
        """How many ratchets the phone has with each device that it ever talked to."""
        signal = self.simulator.core.world.accounts[phone.number[1:]].primary.signal
        return [len(ratchets) for ratchets in signal._sessions.values()]  # pyright: ignore[reportPrivateUsage]


@asynccontextmanager
async def running(engine: BaileysEngine) -> AsyncGenerator[BaileysEngine]:
    """Run an engine's service."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.run())
        await asyncio.sleep(0)
        try:
            await engine.ready()
            yield engine
        finally:
            await engine.stop()
            await engine.downloads.stop()


@asynccontextmanager
async def lab(
    *,
    bridges: int = 1,
    trusted: str | None = None,
    lease: Lease | None = None,
    spool: Path | None = None,
    **configuration: object,
) -> AsyncGenerator[Lab]:
    """A simulator and an engine. `trusted` replaces the simulator's root key."""
    async with new_simulator() as simulator, aiohttp.ClientSession(simulator.url) as http:
        settings = Configuration(url=simulator.ws_url, root_key=trusted or simulator.root_key)
        for name, value in configuration.items():
            object.__setattr__(settings, name, value)
        engine = BaileysEngine(bridges=bridges, configuration=settings, lease=lease, spool=spool)
        async with running(engine):
            yield Lab(simulator=simulator, phones=Phones(http), engine=engine)


async def say(connection: Connection, to: Phone, text: str, **more: object) -> tuple[str, Acknowledged]:
    """Send a text; its id and WhatsApp's acknowledgement."""
    message = OutgoingMessage(message_id=new_message_id(), to=to.jid, content=Text(text=text))
    for name, value in more.items():
        object.__setattr__(message, name, value)
    return message.message_id, await connection.send(message)
