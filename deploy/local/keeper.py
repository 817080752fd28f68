"""The life of one service in the hands of the guardian: started until it serves, killed, paused, ended."""

import asyncio
import shutil
import signal
import time
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil

from deploy.local.program import Child, ProgramFailedError
from deploy.local.seat import Seat
from deploy.local.service import Service

_READY_SECONDS: Final = 120.0
"""The broker needs 6 s on an idle machine and ten times that on one that is starved."""
_ATTEMPTS: Final = 4


class State(StrEnum):
    """What a service does now."""

    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"


class Keeper:
    """Starts and ends one service. Its methods are called one at a time, in the order of their calls."""

    def __init__(self, kind: type[Service], folder: Path, *, durable: bool) -> None:
        folder.mkdir(exist_ok=True)
        # PostgreSQL's user has to pass through; what is secret in there is readable by its owner alone.
        folder.chmod(0o711)
        seat = Seat.load(folder) or Seat.choose(folder, kind.purposes, durable=durable)
        self.service = kind(seat if seat.is_free() else seat.moved())
        self.state = State.STARTING
        self.failure = ""
        self.seconds = 0.0
        self._kind = kind
        self._settled = False
        self._child: Child | None = None
        self._companions: list[Child] = []
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id of the running service."""
        return self._child.pid if self._child is not None and self._child.is_alive else None

    def report(self) -> dict[str, object]:
        """State, pid, seconds it took to start, and why it failed, for the control socket."""
        if self.state in {State.READY, State.PAUSED} and self.pid is None:
            self.state = State.ENDED  # by itself, or by a hand that is not ours
        return {"state": self.state, "pid": self.pid, "seconds": round(self.seconds, 2), "failure": self.failure}

    async def start(self) -> None:
        """Return when it serves. Raises ProgramFailedError."""
        async with self._lock:
            if self.pid is not None and self.state == State.READY:
                return
            began = time.monotonic()
            self.state, self.failure = State.STARTING, ""
            try:
                await self._start_somewhere()
            except (ProgramFailedError, OSError) as error:
                self.state, self.failure = State.FAILED, str(error)
                raise
            self.state, self.seconds = State.READY, time.monotonic() - began

    async def _start_somewhere(self) -> None:
        """Start it on its ports, or on others if somebody took one. Once it has served, its ports stay."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._start_here()
            except ProgramFailedError:
                await self._end_programs(durable=False)
                if self._settled or attempt == _ATTEMPTS or self.service.seat.is_free():
                    raise  # not for want of a port
                self.service = self._kind(self.service.seat.moved())
            else:
                self._settled = True
                return

    async def _start_here(self) -> None:
        service = self.service
        await service.prepare()
        service.seat.save()
        if not all(child.is_alive for child in self._companions) or not self._companions:
            self._companions = [await Child.start(program) for program in service.companions()]
        child = self._child = await Child.start(service.program())
        deadline = time.monotonic() + _READY_SECONDS
        while not await service.is_ready():
            for program in (child, *self._companions):
                if not program.is_alive:
                    raise ProgramFailedError(program.program.name, program.last_words())
            if time.monotonic() > deadline:
                raise ProgramFailedError(service.name, f"not ready after {_READY_SECONDS:.0f} s\n{child.last_words()}")
            await asyncio.sleep(0.03)
        if not child.is_alive:  # it was somebody else who answered on our port
            raise ProgramFailedError(service.name, child.last_words())

    async def kill(self) -> None:
        """SIGKILL, as the kernel's out-of-memory killer would."""
        await self._end_with(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end in good order, as an administrator would."""
        if self._child is not None:
            await self._end_with(self._child.program.finish)

    async def _end_with(self, number: signal.Signals) -> None:
        async with self._lock:
            if self._child is not None:
                await self._child.end(number)
                await self.service.release()
            self.state = State.ENDED

    async def pause(self) -> None:
        """Freeze it, with all its processes: clients see a service that is there and never answers."""
        await self._signal_all(signal.SIGSTOP)
        self.state = State.PAUSED

    async def resume(self) -> None:
        """Let it go on."""
        await self._signal_all(signal.SIGCONT)
        self.state = State.READY

    async def _signal_all(self, number: signal.Signals) -> None:
        async with self._lock:
            if self.pid is None:
                raise ProgramFailedError(self.service.name, "it does not run")
            main = psutil.Process(self.pid)
            for process in (main, *main.children(recursive=True)):
                process.send_signal(number)

    async def end(self, *, durable: bool) -> None:
        """End it for good; without `durable`, at once and with everything it has on disk."""
        async with self._lock:
            await self._end_programs(durable=durable)
            self.state = State.ENDED
            if not durable:
                for folder in self.service.folders():
                    shutil.rmtree(folder, ignore_errors=True)

    async def _end_programs(self, *, durable: bool) -> None:
        if self._child is not None:
            program = self._child.program
            await self._child.end(program.finish if durable else program.abort)
            await self.service.release()
        for companion in self._companions:
            await companion.end(companion.program.abort)
        self._child, self._companions = None, []
