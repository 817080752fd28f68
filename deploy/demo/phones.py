"""The simulated people, through the simulator's control API."""

from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a phone. `phone` is E.164 with ``+``."""

    name: str
    phone: str
    session_id: str


class Phones:
    """The control API, as far as the demo needs it."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        """`http` has the simulator as its base."""
        self._http = http

    async def give(self, person: Person) -> None:
        """Give somebody a phone."""
        await self._post("/phones", {"phone": person.phone, "name": person.name})

    async def scan(self, person: Person, qr: str) -> None:
        """The person scans a QR code."""
        await self._post(f"/phones/{person.phone}/scan", {"qr": qr})

    async def read(self, person: Person, message_id: str) -> None:
        """The person reads a message, which sends a read receipt."""
        await self._post(f"/phones/{person.phone}/read", {"messageId": message_id})

    async def vote(self, person: Person, message_id: str, options: list[str]) -> None:
        """The person votes in a poll that is on the phone."""
        await self._post(f"/phones/{person.phone}/vote", {"messageId": message_id, "options": options})

    async def inbox(self, person: Person) -> list[dict[str, Any]]:
        """What arrived and was decrypted on the phone."""
        async with self._http.get(f"/phones/{person.phone}/inbox") as response:
            response.raise_for_status()
            return await response.json()

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._http.post(path, json=body) as response:
            if not response.ok:
                raise RuntimeError(f"the simulator answered {response.status}: {(await response.text())[:300]}")
