"""Writes of one session under its epoch; notices when another worker owns it."""

from collections.abc import Callable
from typing import Any

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.records import Fence


class Writer:
    """Everything a session writes goes through here. `fenced_off` is called when the fence no longer holds."""

    def __init__(self, fence: Fence, storage: Storage, fenced_off: Callable[[], None]) -> None:
        self.fence = fence
        self._storage = storage
        self._fenced_off = fenced_off

    async def write(self, *operations: Operation[Any]) -> tuple[Any, ...]:
        """Make all durable, or none.

        Raises:
            StoreUnavailable: the database is away.
            StaleEpoch: another worker owns the session.
        """
        try:
            return await self._storage.commit(self.fence, *operations)
        except StaleEpoch:
            self._fenced_off()
            raise

    async def write_surely(self, *operations: Operation[Any]) -> tuple[Any, ...]:
        """Make all durable, however long the database is away.

        Raises:
            StaleEpoch: another worker owns the session.
        """
        return await until_stored(lambda: self.write(*operations))
