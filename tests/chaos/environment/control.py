"""The simulator's control API as the load and the faults use it: a call that fails is an answer, not an error."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiohttp

from tests.chaos.accounts.ledgers import Acceptance, Arrival
from tests.support.whatsapp.phones import Phone

_OK: Final = 200
_MISSING: Final = (404, 405)


@dataclass(slots=True)
class WhatsApp:
    """One simulator's control API."""

    http: aiohttp.ClientSession

    async def send(self, phone: Phone, to: str, text: str) -> str | None:
        """The phone sends a text: WhatsApp's id of it, None if nobody confirmed it."""
        body = {"to": to, "content": {"kind": "text", "text": text}}
        answer = await self._post(f"/phones/{phone.number}/send", body)
        return None if answer is None else answer["messageId"]

    async def read(self, phone: str, message_id: str) -> bool:
        """Whether the phone has read the message."""
        return await self._post(f"/phones/{phone}/read", {"messageId": message_id}) is not None

    async def fault(self, kind: str, **more: object) -> None:
        """Order a fault."""
        async with self.http.post("/faults", json={"kind": kind, **more}) as response:
            response.raise_for_status()

    async def calm(self) -> None:
        """No faults any more."""
        async with self.http.delete("/faults") as response:
            response.raise_for_status()

    async def restart(self, seconds: float) -> bool:
        """Let WhatsApp go away for so long, its state kept. False if this simulator cannot."""
        async with self.http.post("/restart", json={"seconds": seconds}) as response:
            if response.status in _MISSING:
                return False
            response.raise_for_status()
            return True

    async def is_there(self) -> bool:
        """Whether it answers."""
        try:
            async with self.http.get("/stats") as response:
                return response.status == _OK
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def arrivals(self, phone: Phone, prefix: str, read: set[str]) -> list[Arrival]:
        """What reached the phone, in order, of the messages whose text begins with `prefix`; `read` holds labels."""
        async with self.http.get(f"/phones/{phone.number}/inbox") as response:
            response.raise_for_status()
            entries: list[dict[str, Any]] = await response.json()
        texts = [(entry, str(entry["content"].get("text", ""))) for entry in entries]
        return [
            Arrival(
                phone=phone.number,
                label=text,
                message_id=entry["messageId"],
                copies=entry["copies"],
                read=text in read,
            )
            for entry, text in texts
            if text.startswith(prefix)
        ]

    async def forget(self) -> None:
        """An empty ledger."""
        async with self.http.delete("/ledger") as response:
            if response.status not in _MISSING:
                response.raise_for_status()

    async def acceptances(self) -> list[Acceptance] | None:
        """Every time the server took a message for everybody; None if this simulator keeps no ledger.

        What a phone asked for again, because it could not read it, is sent for that phone alone and is not meant here.
        """
        async with self.http.get("/ledger") as response:
            if response.status in _MISSING:
                return None
            response.raise_for_status()
            records: list[dict[str, Any]] = await response.json()
        return [
            Acceptance(
                message_id=record["messageId"],
                at=datetime.fromisoformat(accepted["at"]).timestamp(),
                acked=record["acked"] > 0,
            )
            for record in records
            for accepted in record["accepted"]
            if "resendTo" not in accepted
        ]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        try:
            async with self.http.post(path, json=body) as response:
                return await response.json() if response.status == _OK else None
        except (aiohttp.ClientError, TimeoutError):
            return None
