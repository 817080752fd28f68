"""Where environments and the services under them are built, mended and taken down."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.program import Child
from deploy.local.services import PrivateServices
from deploy.local.stage import Start
from tests.chaos.environment.disks import SmallDisk
from tests.chaos.environment.environment import Environment, EnvironmentBrokenError, Shape, an_environment
from tests.chaos.matrix import Stand

_FLEET: Final = 50
_DISK_MEGABYTES: Final = {"postgresql": 512, "rabbitmq": 512}


@dataclass(slots=True, kw_only=True)
class Environments:
    """Lends environments: the same one again while it can be mended, a fresh one when not.

    `directory` takes logs; `say` is told of one that was given up; `sessions` overrules how many a plain one has;
    `start` makes programs processes.
    """

    directory: Path
    say: Callable[[str], None]
    sessions: int = 8
    start: Start = Child.start
    _services: dict[bool, PrivateServices] = field(default_factory=dict[bool, PrivateServices])
    _disks: dict[str, SmallDisk] = field(default_factory=dict[str, SmallDisk])
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _environment_stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _environment: tuple[Stand, Environment] | None = None

    async def environment(self, stand: Stand) -> Environment:
        """One that is well. Raises EnvironmentBrokenError."""
        if self._environment is not None and self._environment[0] is stand and stand is not Stand.FLEET:
            environment = self._environment[1]
            try:
                await environment.mend()
                await environment.balance()
            except EnvironmentBrokenError as why:
                self.say(f"a fresh environment, since {why}")
            else:
                return environment
        await self.discard()
        services = await self._services_of(small=stand is Stand.SMALL_DISKS)
        made = an_environment(services, self.directory, self._shape(stand), self._disks, self.start)
        environment = await self._environment_stack.enter_async_context(made)
        self._environment = stand, environment
        await environment.mend()
        await environment.balance()
        return environment

    def _shape(self, stand: Stand) -> Shape:
        match stand:
            case Stand.PLAIN | Stand.SMALL_DISKS:
                return Shape(sessions=self.sessions)
            case Stand.BRANCH:
                return Shape(sessions=self.sessions, in_branch=True)
            case Stand.FLEET:
                return Shape(sessions=_FLEET, alone=True)

    def use(self, services: PrivateServices) -> None:
        """Build on services of somebody else, who ends them."""
        self._services[False] = services

    async def discard(self) -> None:
        """Take the environment down."""
        self._environment = None
        await self._environment_stack.aclose()

    async def close(self) -> None:
        """Take everything down."""
        await self.discard()
        await self._stack.aclose()

    async def _services_of(self, *, small: bool) -> PrivateServices:
        if small not in self._services:
            self._services[small] = await self._start(small=small)
        services = self._services[small]
        for disk in self._disks.values():
            disk.relieve()
        for service in (services.rabbitmq, services.postgresql, services.redis, services.seaweedfs):
            await asyncio.to_thread(service.start)
        return services

    async def _start(self, *, small: bool) -> PrivateServices:
        """Durable ones: what is killed here has to have reached the disk."""
        place = _place()
        self._stack.callback(shutil.rmtree, place, ignore_errors=True)
        if small:
            for name, megabytes in _DISK_MEGABYTES.items():
                self._disks[name] = self._stack.enter_context(SmallDisk(place / name, megabytes))
        services = PrivateServices(place, durable=True)
        self._stack.callback(services.remove)
        await asyncio.to_thread(services.__enter__)
        self._stack.callback(services.end)
        return services


def _place() -> Path:
    """A folder with a short name that PostgreSQL's own user may pass through."""
    place = Path(tempfile.mkdtemp(prefix="chaos-"))
    place.chmod(0o711)
    return place
