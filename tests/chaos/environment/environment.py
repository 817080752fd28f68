"""What the faults strike: a simulator, two workers, paired sessions, and the two ends of a backend."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg

from deploy.local.program import Child, ProgramFailedError
from deploy.local.services import Handle, PrivateServices
from deploy.local.stage import RunningSimulator, RunningWorker, Stage, Start
from tests.chaos.accounts.accounts import Accounts, Held
from tests.chaos.environment.control import WhatsApp
from tests.chaos.environment.disks import SmallDisk
from tests.chaos.environment.network import Branch
from tests.chaos.environment.observer import Observer
from tests.chaos.environment.publisher import Publisher
from tests.chaos.load import Chat
from tests.support.services.private_services import unique_name
from tests.support.whatsapp.phones import Phones

WORKERS: Final = ("worker-001", "worker-002")
FRIENDS: Final = 2
"""People with whom each session talks."""
_PAIRING_SECONDS: Final = 60.0
_MENDING_SECONDS: Final = 60.0
_BALANCING_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.2
_PAIR_AT_ONCE: Final = 8
_control_ids = itertools.count()


class EnvironmentBrokenError(Exception):
    """It cannot be brought back to where a scenario may begin; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How an environment is built.

    Attributes:
        sessions: how many are paired.
        alone: they all live on the first worker, the second comes when they are paired.
        in_branch: the second worker sits behind a cable.
    """

    sessions: int
    alone: bool = False
    in_branch: bool = False


@dataclass(slots=True, kw_only=True)
class Environment:
    """Everything of one stage."""

    shape: Shape
    services: PrivateServices
    stage: Stage
    simulator: RunningSimulator
    whatsapp: WhatsApp
    phones: Phones
    observer: Observer
    publisher: Publisher
    accounts: Accounts
    branch: Branch | None = None
    disks: Mapping[str, SmallDisk] = field(default_factory=dict[str, SmallDisk])
    workers: dict[str, RunningWorker] = field(default_factory=dict[str, RunningWorker])
    chats: list[Chat] = field(default_factory=list[Chat])

    @property
    def sessions(self) -> Sequence[str]:
        """All ids."""
        return sorted({chat.session_id for chat in self.chats})

    async def start_worker(self, worker_id: str) -> None:
        """Start it, or start it again under the same id."""
        if self.branch is not None and worker_id == WORKERS[1]:
            there = {
                name: value.replace("127.0.0.1", self.branch.address) for name, value in self.stage.settings.items()
            }
            worker = await self.stage.start_worker(worker_id, there, within=self.branch.prefix)
        else:
            worker = await self.stage.start_worker(worker_id)
        self.workers[worker_id] = worker

    async def owned(self, worker_id: str) -> Sequence[str]:
        """The sessions that this worker owns."""
        return sorted(held.session_id for held in await self.accounts.held() if held.owner == worker_id)

    async def busiest(self) -> str:
        """The worker that owns most sessions."""
        counts = Counter(held.owner for held in await self.accounts.held() if held.owner in self.workers)
        return max(sorted(self.workers), key=lambda worker_id: counts[worker_id])

    async def pair(self) -> None:
        """Create the sessions and scan their codes, a few at a time."""
        gate = asyncio.Semaphore(_PAIR_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for number in range(self.shape.sessions):
                group.create_task(self._pair_one(f"s{number:02}", gate))

    async def _pair_one(self, session_id: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            phone = await self.phones.give(session_id)
            friends = [await self.phones.give(f"{session_id} friend") for _ in range(FRIENDS)]
            data = {"sessionId": session_id, "userId": "chaos", "pairing": {"method": "qr"}}
            await self.publisher.publish(
                f"create-{session_id}", "session.create.v1", session_id, "sessions.create", data
            )
            await self._wait_for(lambda: session_id in self.observer.qr, f"a code for {session_id}")
            await self.phones.scan(phone, self.observer.qr[session_id])
            await self._wait_for(lambda: self._is_connected(session_id), f"{session_id} to connect")
        self.chats += [Chat(session_id=session_id, number=phone.number, friend=friend) for friend in friends]

    async def _wait_for(self, holds: Callable[[], bool], what: str) -> None:
        if not await self.observer.until(holds, _PAIRING_SECONDS):
            raise EnvironmentBrokenError(f"waited in vain for {what}")

    def _is_connected(self, session_id: str) -> bool:
        return any(event.session_id == session_id and event.state == "connected" for event in self.observer.events)

    async def is_confirmed_soon(self) -> bool:
        """Whether the broker confirms a command that does nothing."""
        command_id, session_id = f"probe-{next(_control_ids)}", self.sessions[0]
        address = "session.describe.v1", session_id, f"control.{session_id}"
        return await self.publisher.publish(command_id, *address, {})

    async def mend(self) -> None:
        """Everything runs, every session is connected, no fault strikes. Raises EnvironmentBrokenError."""
        try:
            for service in self._services():
                await asyncio.to_thread(service.start)
            await self.whatsapp.calm()
            for worker_id, worker in self.workers.items():
                if not worker.child.is_alive:
                    await self.start_worker(worker_id)
            await self._wait_for_sessions()
        except (ProgramFailedError, OSError, aiohttp.ClientError, TimeoutError, asyncpg.PostgresError) as error:
            raise EnvironmentBrokenError(f"{type(error).__name__}: {error}") from error

    def _services(self) -> Sequence[Handle]:
        services = self.services
        return services.rabbitmq, services.postgresql, services.redis, services.seaweedfs

    async def _wait_for_sessions(self) -> None:
        deadline = time.monotonic() + _MENDING_SECONDS
        while waiting := [held for held in await self.accounts.held() if not self._is_well(held)]:
            if time.monotonic() > deadline:
                first = waiting[0]
                raise EnvironmentBrokenError(
                    f"{len(waiting)} sessions do not come back; {first.session_id} is {first.state} at {first.owner}"
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _is_well(self, held: Held) -> bool:
        return held.state == "connected" and held.owner in self.workers

    async def balance(self) -> None:
        """Ask for migrations until both workers own half; a gateway that refuses is left as it is."""
        if self.shape.alone:
            return
        busy, half = await self.busiest(), (self.shape.sessions + 1) // 2
        commands: set[str] = set()
        for session_id in (await self.owned(busy))[half:]:
            command_id = f"migrate-{next(_control_ids)}-{session_id}"
            commands.add(command_id)
            await self.publisher.publish(command_id, "session.migrate.v1", session_id, f"control.{session_id}", {})
        deadline = time.monotonic() + _BALANCING_SECONDS
        while len(await self.owned(busy)) > half and time.monotonic() < deadline:
            if commands & {event.command_id for event in self.observer.events if event.type == "command.rejected.v1"}:
                break
            await asyncio.sleep(_POLL_SECONDS)
        await self._wait_for_sessions()


@asynccontextmanager
async def an_environment(
    services: PrivateServices,
    directory: Path,
    shape: Shape,
    disks: Mapping[str, SmallDisk] | None = None,
    start: Start = Child.start,
) -> AsyncGenerator[Environment]:
    """A fresh one on these services: namespace, database, WhatsApp, workers, paired sessions."""
    async with AsyncExitStack() as stack:
        namespace = unique_name()
        settings = services.environment() | {
            "GATEWAY_NAMESPACE": namespace,
            "GATEWAY_MAX_SESSIONS": str(shape.sessions + 10),
            "GATEWAY_SESSIONS_BUCKET": f"{namespace}-sessions",
            "GATEWAY_MEDIA_BUCKET": f"{namespace}-media",
        }
        stage = await stack.enter_async_context(Stage(directory / namespace, settings, start))
        await stage.create_database(namespace)
        simulator = await stage.start_simulator()
        stage.settings |= simulator.settings()
        timeout = aiohttp.ClientTimeout(total=10)
        http = await stack.enter_async_context(aiohttp.ClientSession(simulator.url, timeout=timeout))
        publisher = Publisher(services.amqp_url, f"{namespace}.commands")
        stack.push_async_callback(publisher.close)
        environment = Environment(
            shape=shape,
            services=services,
            stage=stage,
            simulator=simulator,
            whatsapp=WhatsApp(http),
            phones=Phones(http),
            observer=Observer(amqp_url=services.amqp_url, queue=f"{namespace}.backend"),
            publisher=publisher,
            accounts=Accounts(stage.settings["GATEWAY_DATABASE_URL"]),
            disks=disks or {},
        )
        if shape.in_branch:
            environment.branch = await stack.enter_async_context(Branch(_ports(stage.settings)))
        await _populate(stack, environment)
        yield environment


async def _populate(stack: AsyncExitStack, environment: Environment) -> None:
    """Workers, a witness, and paired sessions."""
    first, second = WORKERS
    await environment.start_worker(first)
    listening = asyncio.ensure_future(environment.observer.run())
    stack.push_async_callback(_end, listening)
    if not environment.shape.alone:
        await environment.start_worker(second)
    await environment.pair()
    if environment.shape.alone:
        await environment.start_worker(second)


async def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _ports(settings: Mapping[str, str]) -> Sequence[int]:
    """Of everything on loopback that a worker talks to."""
    names = ("GATEWAY_AMQP_URL", "GATEWAY_DATABASE_URL", "GATEWAY_REDIS_URL", "GATEWAY_S3_ENDPOINT")
    addresses = [settings[name] for name in (*names, "GATEWAY_WHATSAPP_URL")]
    return [int(address.rpartition("127.0.0.1:")[2].partition("/")[0]) for address in addresses]
