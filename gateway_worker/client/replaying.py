"""Asks the gateway for the events that a subscription misses, session by session."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, Generic, TypeVar

from gateway_worker.client.errors import ClientError, CommandRejectedError
from gateway_worker.client.ordering import Arrivals, SessionOrder
from gateway_worker.timing.pauses import Pauses
from schemas.results import EventsReplayed

log = logging.getLogger("gateway_worker.client")

T = TypeVar("T")

Asker = Callable[[str, int], Awaitable[EventsReplayed]]
"""Asks for a session's events from a sequence on. Raises ClientError."""

AT_ONCE: Final = 4  # as many as a worker carries out at a time
LATE_SECONDS: Final = 30.0  # for what was replayed to arrive, before it is asked for again
_PAUSES: Final = Pauses(first=0.2, longest=10.0)
_PASSING: Final = frozenset({"internal", "rate.limited", "command.expired", "command.outcome_unknown"})


class Replays(Generic[T]):
    """Which sessions are behind, and what is done about it.

    Args:
        ask: how.
        orders: where each session stands.
        pass_on: takes what a replay's answer sets free.
    """

    def __init__(
        self, ask: Asker, orders: Mapping[str, SessionOrder[T]], pass_on: Callable[[Arrivals[T]], None]
    ) -> None:
        self._ask = ask
        self._orders = orders
        self._pass_on = pass_on
        self._wanted: asyncio.Queue[str] = asyncio.Queue()
        self._under_way: set[str] = set()
        self._moved: dict[str, asyncio.Event] = {}

    def want(self, *sessions: str) -> None:
        """They may have missed something."""
        for session in sessions:
            if session not in self._under_way:
                self._under_way.add(session)
                self._wanted.put_nowait(session)

    def moved(self, session: str) -> None:
        """Something of a session has arrived."""
        if (moved := self._moved.get(session)) is not None:
            moved.set()

    async def run(self) -> None:
        """Work for ever, at most `AT_ONCE` at a time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            session = await self._wanted.get()
            try:
                await self._catch_up(session)
            finally:
                self._under_way.discard(session)

    async def _catch_up(self, session: str) -> None:
        """Ask until nothing is missing any more."""
        vain = 0  # questions in a row that brought nothing
        while (order := self._orders.get(session)) is not None and order.position is not None:
            before = order.position
            try:
                replayed = await self._ask(session, order.asked())
            except CommandRejectedError as rejected:
                if rejected.code not in _PASSING:
                    log.warning("what is missing of %s cannot be replayed: %s", session, rejected)
                    self._pass_on(order.give_up())
                    return
            except ClientError as trouble:
                log.warning("%s; asking again for what is missing of %s", trouble, session)
            else:
                self._pass_on(
                    order.replayed(last=replayed.to_sequence, count=replayed.count, newest=replayed.newest_sequence)
                )
                await self._arrival_of(session, order)
                if not order.is_behind:
                    return
            vain = 0 if order.position > before else vain + 1
            await asyncio.sleep(_PAUSES.after(vain + 1))

    async def _arrival_of(self, session: str, order: SessionOrder[T]) -> None:
        """Wait until what was replayed has arrived; not for ever: a queue that is full may have dropped it."""
        moved = self._moved[session] = asyncio.Event()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_SECONDS):
                    while order.waits_for_replay:
                        moved.clear()
                        await moved.wait()
        finally:
            del self._moved[session]
