"""How tests of the owner's own affairs ask, and what they wait for."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from tests.e2e.conftest import Member, World
from tests.support.backend import PATIENCE, Document

COLLECTIONS: Final = frozenset({"critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"})


async def accepted(world: World, member: Member, kind: str, data: Document) -> Document:
    """The answer to a command that is to be accepted."""
    reply = await world.backend.ask(kind, member.session_id, data)
    assert reply["type"] == "command.accepted.v1", reply
    return reply["data"]


async def result(world: World, member: Member, kind: str, data: Document) -> Document:
    """What a command is answered with."""
    reply = await world.backend.ask(kind, member.session_id, data)
    assert reply["type"] == "command.result.v1", reply
    return reply["data"]["result"]


def of(member: Member, **fields: Any) -> Callable[[Document], bool]:
    """Whether an event is about this session, with these fields in its data."""

    def met(event: Document) -> bool:
        data = event["data"]
        return event["subject"] == member.session_id and all(data.get(name) == fields[name] for name in fields)

    return met


async def by_phone(world: World, member: Member, action: str, **fields: object) -> None:
    """The person does something on the phone, once the session has read what was so before: only then it is news."""
    async with asyncio.timeout(PATIENCE):
        while not set((await world.phones.person(member.phone))["companions"][0]["appStateRead"]) >= COLLECTIONS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await world.phones.post(f"/phones/{member.phone.number}/{action}", fields)
