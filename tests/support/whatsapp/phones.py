"""The simulator's control API for tests: people with phones, and faults. Knows only the contract."""

import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

Document = dict[str, Any]
_numbers = itertools.count(15550200001)


@dataclass(frozen=True, slots=True)
class Phone:
    """Somebody with a phone."""

    number: str
    name: str

    @property
    def jid(self) -> str:
        """Its PN JID."""
        return f"{self.number[1:]}@s.whatsapp.net"


@dataclass(slots=True)
class Phones:
    """The control API. Every call raises when the simulator does not answer 2xx."""

    http: aiohttp.ClientSession

    async def give(self, name: str = "Ana", *, passkey: bool = False) -> Phone:
        """A person with a fresh number."""
        phone = Phone(f"+{next(_numbers)}", name)
        await self.post("/phones", {"phone": phone.number, "name": name, "passkey": passkey})
        return phone

    async def scan(self, phone: Phone, qr: str) -> None:
        await self.post(f"/phones/{phone.number}/scan", {"qr": qr})

    async def sign(self, phone: Phone, options: Mapping[str, Any]) -> Document:
        """The person unlocks the passkey for these options: the assertion."""
        return await self.post(f"/phones/{phone.number}/assert", {"options": dict(options)})

    async def person(self, phone: Phone) -> Document:
        """What the simulator shows of somebody."""
        async with self.http.get(f"/phones/{phone.number}") as response:
            response.raise_for_status()
            return await response.json()

    async def link(self, phone: Phone, code: str) -> None:
        await self.post(f"/phones/{phone.number}/link", {"code": code})

    async def send(self, phone: Phone, to: str, text: str, **more: object) -> str:
        """The phone sends a text; WhatsApp's message id."""
        answer = await self.post(
            f"/phones/{phone.number}/send", {"to": to, "content": {"kind": "text", "text": text}, **more}
        )
        return answer["messageId"]

    async def inbox(self, phone: Phone, at_least: int = 0, wait: float = 60.0) -> list[Document]:
        """What the phone decrypted; waits until there are `at_least` so many."""
        query = {"atLeast": str(at_least), "wait": str(wait)}
        async with self.http.get(f"/phones/{phone.number}/inbox", params=query) as response:
            response.raise_for_status()
            entries: list[Document] = await response.json()
        assert len(entries) >= at_least, entries
        return entries

    async def read(self, phone: Phone, message_id: str) -> None:
        await self.post(f"/phones/{phone.number}/read", {"messageId": message_id})

    async def unlink(self, phone: Phone) -> None:
        await self.post(f"/phones/{phone.number}/unlink", {})

    async def offline(self, phone: Phone) -> None:
        await self.post(f"/phones/{phone.number}/offline", {})

    async def online(self, phone: Phone) -> None:
        await self.post(f"/phones/{phone.number}/online", {})

    async def fault(self, kind: str, phone: Phone, **more: object) -> None:
        """A fault for this phone's companions."""
        await self.post("/faults", {"kind": kind, "phone": phone.number, **more})

    async def groups(self) -> list[Document]:
        """All groups there are."""
        async with self.http.get("/groups") as response:
            response.raise_for_status()
            return await response.json()

    async def group(self, group_id: str) -> Document:
        """One of them."""
        return next(group for group in await self.groups() if group["groupId"] == group_id)

    async def make_group(self, owner: Phone, subject: str, *members: Phone) -> str:
        """A person makes a group on the phone; its JID."""
        people = [member.number for member in members]
        made = await self.post("/groups", {"owner": owner.number, "subject": subject, "participants": people})
        return made["groupId"]

    async def in_group(self, phone: Phone, group_id: str, action: str, **more: object) -> Document:
        """The person does something to the group."""
        return await self.post(f"/groups/{group_id}/{action}", {"phone": phone.number, **more})

    async def stats(self) -> Document:
        async with self.http.get("/stats") as response:
            return await response.json()

    async def post(self, path: str, body: Document) -> Document:
        document = io.BytesIO(json.dumps(body).encode())  # aiohttp warns of large bodies that are bytes
        async with self.http.post(path, data=document, headers={"Content-Type": "application/json"}) as response:
            text = await response.text()
            assert response.ok, f"{path}: {response.status} {text}"
            return await response.json() if text else {}
