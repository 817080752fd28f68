"""How many connections may be opening at once: a worker that starts, or a bridge that died, comes back in waves."""

import asyncio


class Pass:
    """Permission to open one connection; give it back as soon as the connection has settled."""

    __slots__ = ("_gate", "_timer")

    def __init__(self, gate: asyncio.Semaphore, seconds: float) -> None:
        self._gate: asyncio.Semaphore | None = gate
        self._timer = asyncio.get_running_loop().call_later(seconds, self.leave)

    @property
    def used(self) -> bool:
        """Whether it was given back."""
        return self._gate is None

    def leave(self) -> None:
        """The connection is up, over, or takes its time; idempotent."""
        if self._gate is not None:
            self._gate.release()
            self._gate = None
            self._timer.cancel()


class OpeningGate:
    """Lets `width` connections open at once; one that has not settled after `seconds` no longer holds up the others."""

    def __init__(self, width: int, seconds: float) -> None:
        self._semaphore = asyncio.Semaphore(width)
        self._seconds = seconds

    async def enter(self) -> Pass:
        """Wait for a place."""
        await self._semaphore.acquire()
        return Pass(self._semaphore, self._seconds)
