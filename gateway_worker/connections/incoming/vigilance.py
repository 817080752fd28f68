"""Finds the stanza that ends processes, so that it is not handled for ever.

WhatsApp gives a stanza again until it is confirmed. One that kills a bridge or a worker, or holds it up until its lease
has run out, would do so wherever the session goes. So after a process died, every stanza that waited is counted before
it is handled, durably, and no longer counted when what it changed is stored; one that was begun `MOST_BEGUN` times and
never finished is not touched again.

Nobody is condemned for his neighbour. What was begun once already is handled alone in the worker: when a process dies
over it, it was this one. A connection that ends while its process lives speaks against nobody. Where nothing has died,
nothing is counted and nothing is written.
"""

import asyncio
from collections.abc import Collection
from typing import Final

import structlog

from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.store.errors import StaleEpoch, StoreUnavailable
from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas

_log = structlog.get_logger()

MOST_BEGUN: Final = 2
_TURN_SECONDS: Final = 3.0  # less than the engine waits for an answer of ours


class Vigilance:
    """One session's, across its connections.

    Args:
        writer: writes under the session's fence.
        careful: the session's last connection did not end in good order, as far as is known.
        storage: what was counted before.
        suspects: the worker's turn: one suspect is handled at a time.
    """

    def __init__(self, writer: Writer, *, careful: bool, storage: Storage, suspects: asyncio.Lock) -> None:
        self.careful = careful
        self._writer = writer
        self._storage = storage
        self._suspects = suspects
        self._counts: dict[str, int] | None = None
        self._begun: set[str] = set()
        self._innocent: set[str] = set()  # still to be written
        self._has_turn = False

    async def begin(self, name: str) -> bool:
        """Count a stanza that is about to be handled; False when it must not be.

        Raises:
            StoreUnavailable, StaleEpoch: it is not counted.
        """
        counts = await self._load()
        count = counts.get(name, 0)
        if count >= MOST_BEGUN:
            return False
        if count:
            await self._take_turn()
        innocent = [EndStanzas(names=sorted(self._innocent))] if self._innocent else []
        await self._writer.write(*innocent, BeginStanza(name=name))
        self._innocent.clear()
        self._begun.add(name)
        counts[name] = count + 1
        return True

    def finished(self, names: Collection[str]) -> None:
        """They were handled, and that is stored."""
        self._forget(names)
        if not self._begun:
            self._give_turn()

    async def over(self, *, died: bool) -> None:
        """The connection is over; `died`: with its process, or because something stood still."""
        self.careful = died
        self._give_turn()
        if not died:
            self._innocent |= self._begun
        self._begun.clear()
        self._counts = None
        if self._innocent:
            try:
                await self._writer.write(EndStanzas(names=sorted(self._innocent)))
            except (StoreUnavailable, StaleEpoch) as error:
                _log.info("vigilance.not_written", session=self._writer.fence.session_id, error=type(error).__name__)
            else:
                self._innocent.clear()

    async def _load(self) -> dict[str, int]:
        if self._counts is None:
            stored = await self._storage.set_aside.attempts(self._writer.fence.session_id)
            self._counts = {name: count for name, count in stored.items() if name not in self._innocent}
        return self._counts

    async def _take_turn(self) -> None:
        """Alone in this worker. Who waits too long goes on: whoever has the turn may wait for WhatsApp."""
        if self._has_turn:
            return
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._suspects.acquire()
        except TimeoutError:
            return
        self._has_turn = True

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._suspects.release()

    def _forget(self, names: Collection[str]) -> None:
        self._begun.difference_update(names)
        for name in names:
            if self._counts is not None:
                self._counts.pop(name, None)
