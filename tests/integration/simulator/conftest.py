"""A simulator in the test's own process, its control API over HTTP, and people with numbers of their own."""

import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from gateway_worker.simulator.run import new_simulator
from gateway_worker.simulator.shell.server import Simulator
from tests.integration.simulator.companion import Companion


@dataclass(slots=True)
class World:
    """The simulator as a test sees it."""

    simulator: Simulator
    http: aiohttp.ClientSession
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(15550000001))

    async def post(self, path: str, /, status: int = 200, **body: Any) -> Any:
        """A control request, with the status it must have."""
        async with self.http.post(path, json=body) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def get(self, path: str, status: int = 200) -> Any:
        """A control query, with the status it must have."""
        async with self.http.get(path) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def delete(self, path: str, status: int = 200) -> Any:
        """A control request that removes something."""
        async with self.http.delete(path) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def person(self, name: str = "Ann", **more: Any) -> str:
        """A new person; gives the digits of the number."""
        phone = str(next(self.numbers))
        await self.post("/phones", phone=f"+{phone}", name=name, **more)
        return phone

    async def pair(self, companion: Companion, phone: str) -> None:
        """The person scans the QR code that the companion shows; returns once it is logged in, welcomed and settled."""
        qr = await companion.event("qr")
        await self.post(f"/phones/{phone}/scan", qr=qr["qr"])
        await companion.event("open")
        await companion.event("history")

    async def text(self, phone: str, to: str, text: str, **more: Any) -> str:
        """The phone sends a text; gives its id."""
        answer = await self.post(f"/phones/{phone}/send", to=f"+{to}", content={"kind": "text", "text": text}, **more)
        return answer["messageId"]

    async def inbox(self, phone: str, at_least: int = 1) -> list[dict[str, Any]]:
        """What the phone has read, once there is so much of it."""
        entries = await self.get(f"/phones/{phone}/inbox?wait=10&atLeast={at_least}")
        assert len(entries) >= at_least
        return entries

    async def stat(self, name: str) -> int:
        """One figure of `GET /stats`."""
        return (await self.get("/stats"))[name]


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with new_simulator() as simulator, aiohttp.ClientSession(simulator.url) as http:
        yield World(simulator, http)
