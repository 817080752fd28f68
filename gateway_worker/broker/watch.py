"""Looks, again and again, whether what we declared is still there, and whether the broker takes publishes.

Somebody may delete an exchange or a queue while nothing passes: no worker would notice, and every backend would be
refused. What is missing is declared again, and its bindings with it; those of the sessions' queues went with the
exchange of commands, so all are made again. (A binding alone cannot be asked for: those of the fleet are made at each
look, which changes nothing where they are; a command that misses a session's is forwarded, and has it made.)

An alarm of the broker's memory or disk is told to a connection when it publishes: so something is published at each
look, to a queue that does not exist.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
from aiormq.channel import Channel

from gateway_worker.broker.connection import BrokerConnection, discard
from gateway_worker.broker.errors import BrokerError, BrokerLost, QueueMissing, TopologyMismatch, translated
from gateway_worker.broker.topology import declare
from schemas.errors import Unavailable
from schemas.topology.channels import Plan

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 10.0
_JITTER: Final = 0.2


class TopologyWatch:
    """A service. `noted`: names of what was missing at the last look.

    Args:
        link: the connection to ask on; not the publisher's, which a broker in need does not read.
        publishing: the publisher's, to which an alarm is told.
        plan: what must be there.
        bindings_lost: restores what hung on an exchange of the plan that was missing; gets its name.
        missed: counts one thing that was missing.
    """

    def __init__(
        self,
        link: BrokerConnection,
        publishing: BrokerConnection,
        plan: Plan,
        *,
        bindings_lost: Callable[[str], Awaitable[None]],
        missed: Callable[[], None],
        every: float = LOOK_SECONDS,
    ) -> None:
        self._link = link
        self._publishing = publishing
        self._plan = plan
        self._bindings_lost = bindings_lost
        self._missed = missed
        self._every = every
        self._chance = random.Random()  # noqa: S311 (jitter)
        self._to_restore: set[str] = set()
        self.noted: Sequence[str] = ()  # what the last look found missing

    async def run(self) -> None:
        """Look until cancelled. What cannot be done now is done at the next look."""
        while True:
            await asyncio.sleep(self._every * self._chance.uniform(1 - _JITTER, 1 + _JITTER))
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._provoke_alarm()
                    await self._look()
            except (BrokerLost, TimeoutError):
                continue  # told by the link, and by health
            except TopologyMismatch as error:
                log.warning("topology.cannot_be_declared", why=str(error))
                continue
            await self._restore()

    async def _look(self) -> None:
        gone = await self._gone()
        for name in gone:
            log.error("topology.missing", name=name)
            self._missed()
        self.noted = gone
        self._to_restore |= set(gone)
        async with _of_its_own(self._link) as channel:
            await declare(channel, self._plan if gone else Plan(bindings=self._plan.bindings))

    async def _gone(self) -> Sequence[str]:
        """Names of what is not there. The channel on which that is said is closed by the broker."""
        gone: list[str] = []
        questions = list(self._questions())
        while questions:
            async with _of_its_own(self._link) as channel:
                while questions:
                    name, ask = questions.pop(0)
                    try:
                        with translated():
                            await ask(channel)
                    except QueueMissing:
                        gone.append(name)
                        break
        return gone

    def _questions(self) -> Iterator[tuple[str, Callable[[Channel], Awaitable[object]]]]:
        for exchange in self._plan.exchanges:
            yield exchange.name, partial(Channel.exchange_declare, exchange=exchange.name, passive=True)
        for queue in self._plan.queues:
            yield queue.name, partial(Channel.queue_declare, queue=queue.name, passive=True)

    async def _restore(self) -> None:
        """What hung on what was missing; what cannot be done now is done after the next look."""
        while self._to_restore:
            name = min(self._to_restore)
            try:
                await self._bindings_lost(name)
            except (BrokerError, Unavailable) as error:
                log.warning("topology.not_restored", name=name, error=type(error).__name__)
                return
            self._to_restore.discard(name)
            log.info("topology.restored", name=name)

    async def _provoke_alarm(self) -> None:
        if not self._publishing.is_up or await self._publishing.is_blocked():
            return
        async with _of_its_own(self._publishing) as channel:
            with translated():
                await channel.basic_publish(b"", exchange="", routing_key=f"{self._plan.exchanges[0].name}.nobody")


@asynccontextmanager
async def _of_its_own(link: BrokerConnection) -> AsyncGenerator[Channel]:
    """A channel for one thing: closed after it, however that ends, for a connection has only so many."""
    channel = await link.channel(confirms=False)
    try:
        yield channel
    finally:
        if not channel.is_closed:
            await discard(channel)
