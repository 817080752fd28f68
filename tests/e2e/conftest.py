"""The whole thing as processes: private services, the simulator, a worker with its bridges."""

import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from deploy.local.services import PrivateServices
from deploy.local.stage import RunningSimulator, RunningWorker, Stage
from tests.support.backend import PATIENCE, Backend, Document, backend
from tests.support.network.certificates import self_signed
from tests.support.network.proxies import tls_before
from tests.support.services.forked import forked
from tests.support.services.private_services import empty_redis, fresh_database, unique_name
from tests.support.whatsapp.phones import Phone, Phones

_ours = unique_name()  # of this process: others have their files in the same buckets
_sessions = itertools.count(1)
_ONE_BRIDGE = {"GATEWAY_BRIDGES": "1"}  # each costs a second of CPU to start; the shared world has as many as a user


@dataclass(slots=True, kw_only=True)
class Member:
    """A session that is connected, and the phone it is linked to."""

    session_id: str
    phone: Phone


@dataclass(slots=True, kw_only=True)
class World:
    """Everything a test talks to."""

    stage: Stage
    services: PrivateServices
    simulator: RunningSimulator
    worker: RunningWorker
    backend: Backend
    phones: Phones

    def new_session_id(self) -> str:
        return f"session-{_ours}-{next(_sessions)}"

    async def create(self, session_id: str, **more: object) -> Document:
        """Create a session, pairing by QR unless told otherwise; the reply."""
        data = {"sessionId": session_id, "userId": "tester", "pairing": {"method": "qr"}, **more}
        return await self.backend.ask("session.create.v1", session_id, data)

    async def scan(self, session_id: str, phone: Phone, *, after: int = 0) -> None:
        """The phone scans the session's first QR among the events after the `after`-th."""
        shown = await self.backend.state(session_id, "qr_required", after=after)
        await self.phones.scan(phone, shown["data"]["qrString"])

    async def paired(self, name: str = "Ana", **more: object) -> Member:
        """A fresh session, linked to a fresh phone, connected."""
        member = Member(session_id=self.new_session_id(), phone=await self.phones.give(name))
        await self.create(member.session_id, **more)
        await self.scan(member.session_id, member.phone)
        await self.named(member.session_id, name)
        return member

    async def named(self, session_id: str, name: str) -> None:
        """Until the session knows what its account is called: with `connected`, or later if the phone was busy."""
        awaited = ("session.status.v1", "profile.updated.v1")
        await self.backend.until(
            lambda: any(
                event["type"] in awaited and event["data"].get("pushName") == name
                for event in self.backend.of(session_id)
            ),
            f"{session_id} is never called {name}",
        )

    async def send(self, member: Member, to: Phone, text: str, **more: object) -> str:
        """Publish a text; the command's id."""
        data = {"to": to.number, "content": {"kind": "text", "text": text}, **more}
        return await self.backend.publish("message.send.v1", member.session_id, data)

    async def status(self, command_id: str, status: str, patience: float = PATIENCE) -> Document:
        """The message.status event of a command with that status."""
        return await self.backend.event(
            "message.status.v1",
            lambda e: e["data"]["commandId"] == command_id and e["data"]["status"] == status,
            patience,
        )


@asynccontextmanager
async def a_world(
    services: PrivateServices,
    template: str,
    directory: Path,
    own: Mapping[str, str] | None = None,
    *,
    adapted: Callable[[dict[str, str]], dict[str, str]] = dict,
) -> AsyncGenerator[World]:
    """A stage of its own on the shared services, with settings of its own if need be, or `adapted` ones."""
    async with AsyncExitStack() as stack:
        settings = {
            **services.environment(),
            "GATEWAY_NAMESPACE": unique_name(),
            "GATEWAY_DATABASE_URL": await stack.enter_async_context(fresh_database(services, template)),
            "GATEWAY_REDIS_URL": await stack.enter_async_context(empty_redis(services)),
            "GATEWAY_MAX_SESSIONS": "100",
            **(own or {}),
        }
        stage = await stack.enter_async_context(Stage(directory, adapted(settings), forked))
        simulator = await stage.start_simulator()
        stage.settings |= simulator.settings()
        worker = await stage.start_worker("worker-001")
        http = await stack.enter_async_context(aiohttp.ClientSession(simulator.url))
        followed = await stack.enter_async_context(backend(services.amqp_url, settings["GATEWAY_NAMESPACE"]))
        yield World(
            stage=stage, services=services, simulator=simulator, worker=worker, backend=followed, phones=Phones(http)
        )


@pytest.fixture(scope="session")
async def world(
    services: PrivateServices, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[World]:
    """One world for all tests that do not harm it: sessions and phones are each test's own."""
    async with a_world(services, migrated_template, tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
async def own_world(services: PrivateServices, migrated_template: str, tmp_path: Path) -> AsyncGenerator[World]:
    """A world for a test that counts in all of it, or leaves it other than it was."""
    async with a_world(services, migrated_template, tmp_path, _ONE_BRIDGE) as made:
        yield made


@pytest.fixture(scope="session")
async def _mortal_world(
    services: PrivateServices, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[World]:
    async with a_world(services, migrated_template, tmp_path_factory.mktemp("mortal"), _ONE_BRIDGE) as made:
        yield made


@pytest.fixture
async def mortal_world(_mortal_world: World) -> World:
    """One world for all tests that kill, stop and start its worker, which lives at the beginning of each."""
    if not _mortal_world.worker.child.is_alive:
        _mortal_world.worker = await _mortal_world.stage.start_worker("worker-001")
    return _mortal_world


@pytest.fixture
async def behind_tls(services: PrivateServices, migrated_template: str, tmp_path: Path) -> AsyncGenerator[World]:
    """A world whose WhatsApp speaks TLS, as the real one does: proxies tunnel nothing else."""
    context, certificate = self_signed(tmp_path)
    async with a_world(services, migrated_template, tmp_path) as world:
        plain_port = urlsplit(world.simulator.url).port
        assert plain_port is not None
        async with tls_before(plain_port, context) as port:
            await world.worker.stop()
            world.stage.settings |= {
                "GATEWAY_WHATSAPP_URL": f"wss://127.0.0.1:{port}/ws/chat",
                "NODE_EXTRA_CA_CERTS": str(certificate),
                "SSL_CERT_FILE": str(certificate),
            }
            world.worker = await world.stage.start_worker("worker-001")
            yield world


@pytest.fixture(scope="session")
async def pair(world: World) -> tuple[Member, Member]:
    """Two sessions of the shared world that write to each other."""
    return await world.paired("Ana"), await world.paired("Ben")
