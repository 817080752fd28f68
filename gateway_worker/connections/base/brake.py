"""A brake for all sessions behind one proxy, when WhatsApp refuses a message of one of them.

WhatsApp judges addresses too: what one account does there the others pay for. So all that is to leave there waits for a
while, in this worker by what is kept here, in others by Redis; without Redis each worker finds out for itself.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway_worker.store.records import Json
from gateway_worker.timing.clock import Clock

CODES: Final = frozenset({"463", "429"})
"""Restricted (or a stranger without a token of theirs), and too many."""
LONGEST: Final = 15  # times the first one
_LOOK_SECONDS: Final = 1.0  # between two looks into Redis for one proxy
_MOST: Final = 10_000  # proxies


class BrakeCache(Protocol):
    """Redis; never raises."""

    async def put_brake(self, proxy: str, data: Json, ttl_seconds: int) -> None:
        """What is behind this proxy waits."""
        ...

    async def brake(self, proxy: str) -> Json | None:
        """What was put last, as long as it holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """Until when (Unix seconds) nothing leaves through a proxy, and WhatsApp's code. `steps`: brakes in a row."""

    until: float
    code: str
    steps: int = 1


@dataclass(slots=True)
class ProxyBrakes:
    """The brakes that one worker knows of. `seconds`: how long the first of a row lasts; 0: there are none."""

    cache: BrakeCache
    clock: Clock
    seconds: float
    _of: OrderedDict[str, Brake] = field(default_factory=OrderedDict[str, Brake])
    _looked: OrderedDict[str, float] = field(default_factory=OrderedDict[str, float])

    async def pull(self, proxy: str, code: str) -> None:
        """WhatsApp has refused a message that left through this proxy."""
        if not self.seconds or code not in CODES:
            return
        name, now = _name(proxy), self.clock.now().timestamp()
        before = await self._known(name)
        if before is not None and before.until > now:
            return  # what left before it was pulled
        steps = before.steps + 1 if before is not None and now < before.until + self.seconds else 1
        until = now + min(self.seconds * 2 ** (steps - 1), self.seconds * LONGEST)
        brake = Brake(until=until, code=code, steps=min(steps, LONGEST))
        self._keep(name, brake)
        data = {"until": brake.until, "code": brake.code, "steps": brake.steps}
        await self.cache.put_brake(name, data, int(until - now + self.seconds) + 1)

    async def of(self, proxy: str) -> Brake | None:
        """The brake that holds now."""
        if not self.seconds:
            return None
        found = await self._known(_name(proxy))
        return found if found is not None and found.until > self.clock.now().timestamp() else None

    async def _known(self, name: str) -> Brake | None:
        monotonic = self.clock.monotonic()
        if self._looked.get(name, -_LOOK_SECONDS) + _LOOK_SECONDS <= monotonic:
            self._looked[name] = monotonic
            cached = await self.cache.brake(name)
            if cached is not None and (brake := _read(cached)) is not None:
                known = self._of.get(name)
                if known is None or brake.until > known.until:
                    self._keep(name, brake)
            if len(self._looked) > _MOST:
                self._looked.popitem(last=False)
        return self._of.get(name)

    def _keep(self, name: str, brake: Brake) -> None:
        self._of[name] = brake
        self._of.move_to_end(name)
        if len(self._of) > _MOST:
            self._of.popitem(last=False)


def _name(proxy: str) -> str:
    """The address holds a password: its hash stands for it."""
    return hashlib.sha256(proxy.encode()).hexdigest()[:32]


def _read(cached: Json) -> Brake | None:
    until, code, steps = cached.get("until"), cached.get("code"), cached.get("steps")
    if not isinstance(until, int | float) or not isinstance(code, str) or not isinstance(steps, int):
        return None
    return Brake(until=float(until), code=code, steps=steps)
