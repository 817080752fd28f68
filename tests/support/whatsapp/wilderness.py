"""A session that strangers write wild messages to, and the accounts of it: each is stored once, none ends anything."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gateway_worker.simulator.phone import sending
from gateway_worker.simulator.wire.raw import from_raw
from gateway_worker.simulator.world.turn import Turn
from gateway_worker.whatsapp.facts import Disconnected
from gateway_worker.whatsapp.incoming import Entry, ReceivedChange, ReceivedMessage
from gateway_worker.whatsapp.port import Connection
from tests.support.whatsapp.engine import Lab, Session
from tests.support.whatsapp.phones import Phone
from tests.support.whatsapp.wild import wild_id, wild_message

_PATIENCE: Final = 60.0


@dataclass(kw_only=True)
class Wilderness:
    """Sends messages by their seeds, and looks what became of them."""

    lab: Lab
    session: Session
    connection: Connection
    stranger: Phone
    sent: int = 0
    longest: float = 0.0
    """Seconds that the bridge's event loop stood still at most."""
    kinds: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    async def of(cls, lab: Lab) -> "Wilderness":
        """A session of its own, and somebody who writes to it."""
        session, connection = await lab.connected()
        await lab.phones.offline(session.phone)  # the simulated phone is not what is tried here
        stranger = await lab.phones.give("Eve")
        lab.simulator.core.world.accounts[stranger.number[1:]].name = "\u202eEve\x00" + "\x01" * 3_000
        return cls(lab=lab, session=session, connection=connection, stranger=stranger)

    async def endure(self, seeds: Sequence[int]) -> None:
        """Send one message for each seed; returns when WhatsApp has all of them confirmed.

        Raises:
            AssertionError: one was lost or stored twice, or the connection ended.
            TimeoutError: nothing moves any more.
        """
        before, ended = len(self._stored()), len(self.session.owner.facts_of(Disconnected))
        for seed in seeds:
            self.sent += 1
            self._send(from_raw(wild_message(seed)), f"{wild_id(seed)}.{self.sent}")
            if self.sent % 10 == 0:
                await asyncio.sleep(0)
        async with asyncio.timeout(_PATIENCE):
            while len(self._stored()) < before + len(seeds) or await self.lab.queued(self.session.phone):
                assert len(self.session.owner.facts_of(Disconnected)) == ended, self.session.owner.facts_of(
                    Disconnected
                )[-1]
                await asyncio.sleep(0.02)
        stored = self._stored()
        assert len(stored) == before + len(seeds)
        self.lab.simulator.core.world.accounts[self.session.phone.number[1:]].primary.device.queue.clear()
        self._count(stored[before:])

    def _stored(self) -> list[Entry]:
        """What came, but for what the own phone tells a new device."""
        own = self.session.phone.jid
        return [entry for entry in self.session.owner.entries.values() if entry.key.sender != own]

    def _count(self, stored: Sequence[Entry]) -> None:
        for entry in stored:
            match message := entry.message:
                case ReceivedMessage():
                    self.kinds[message.content.kind] += 1
                case ReceivedChange():
                    self.kinds[type(message.change).__name__] += 1
                case _:
                    self.kinds["between devices"] += 1
        self.longest = max(self.longest, *(report.loop_lag_seconds for report in self.lab.engine.describe()))

    def _send(self, message: object, message_id: str) -> None:
        account = self.lab.simulator.core.world.accounts[self.stranger.number[1:]]
        act = partial(
            sending.dispatch,
            phone=account.primary,
            chat=self.session.phone.jid,
            message=message,  # pyright: ignore[reportArgumentType]
            message_id=message_id,
        )
        self.lab.simulator.turn(lambda turn: _acted(turn, act))


def _acted(turn: Turn, act: partial[None]) -> bool:
    act(turn)
    return True
