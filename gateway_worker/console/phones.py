"""The simulator's phones, for pages that stand beside them. Its control API, as far as the console needs it."""

from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

import aiohttp

SECONDS: Final = 15.0
Document = dict[str, Any]


class PhonesError(Exception):
    """The simulator said no, or is away; the text is for a person."""


@dataclass(slots=True)
class Phones:
    """The phones."""

    http: aiohttp.ClientSession

    async def people(self) -> list[Document]:
        """All people with phones."""
        return cast("list[Document]", await self._ask("GET", "/phones"))

    async def give(self, phone: str, name: str, *, passkey: bool) -> None:
        """Somebody gets a phone."""
        await self._ask("POST", "/phones", {"phone": phone, "name": name, "passkey": passkey})

    async def scan(self, phone: str, qr: str) -> None:
        """The person scans a code."""
        await self._ask("POST", f"/phones/{quote(phone)}/scan", {"qr": qr})

    async def link(self, phone: str, code: str) -> None:
        """The person types a pairing code."""
        await self._ask("POST", f"/phones/{quote(phone)}/link", {"code": code})

    async def sign(self, phone: str, options: Document) -> Document:
        """The person unlocks the passkey: the assertion."""
        return cast("Document", await self._ask("POST", f"/phones/{quote(phone)}/assert", {"options": options}))

    async def send(self, phone: str, to: str, text: str) -> None:
        """The phone sends a text."""
        content = {"kind": "text", "text": text}
        await self._ask("POST", f"/phones/{quote(phone)}/send", {"to": to, "content": content})

    async def read(self, phone: str, message_id: str) -> None:
        """The person reads a message."""
        await self._ask("POST", f"/phones/{quote(phone)}/read", {"messageId": message_id})

    async def conversation(self, phone: str) -> list[Document]:
        """What came to the phone and what left it, in order."""
        inbox = cast("list[Document]", await self._ask("GET", f"/phones/{quote(phone)}/inbox"))
        outbox = cast("list[Document]", await self._ask("GET", f"/phones/{quote(phone)}/outbox"))
        both = [{**each, "mine": False} for each in inbox] + [{**each, "mine": True} for each in outbox]
        return sorted(both, key=lambda each: str(each["timestamp"]))

    async def _ask(self, method: str, path: str, body: Document | None = None) -> object:
        try:
            async with self.http.request(method, path, json=body) as response:
                answer: object = await response.json() if response.content_type == "application/json" else None
        except (aiohttp.ClientError, TimeoutError) as away:
            raise PhonesError(f"The simulator is away ({type(away).__name__}).") from away
        if not response.ok:
            document = cast("Document", answer) if isinstance(answer, dict) else {}
            raise PhonesError(f"The phone says no: {document.get('message', response.status)}")
        return answer
