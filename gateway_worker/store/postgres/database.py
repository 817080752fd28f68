"""Connections to PostgreSQL: two pools of asyncpg's, one for what waits for nobody, one for what may wait for a lock.

Both open the same kind of connection, and both speak to the caller through `translated`: outside of this package nobody
sees an error of a driver.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

import asyncpg

from gateway_worker.store.errors import DatabaseReadOnly, StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.postgres.guard import Guard
from gateway_worker.store.postgres.lease import Lease
from gateway_worker.store.postgres.parameters import BY_INDEX, SERVER_SETTINGS
from gateway_worker.store.row import Row


class WireTransaction(Protocol):
    """A transaction on a `Wire`."""

    async def start(self) -> None: ...  # noqa: D102 (as asyncpg's)
    async def commit(self) -> None: ...  # noqa: D102
    async def rollback(self) -> None: ...  # noqa: D102


class Wire(Protocol):
    """What we use of an asyncpg connection, with types (asyncpg has none). ``$1`` takes the first argument."""

    async def execute(self, query: str, *arguments: Any) -> str:
        """Answers the command's tag, e.g. ``DELETE 3``."""
        ...

    async def fetch(self, query: str, *arguments: Any) -> Sequence[Row]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *arguments: Any) -> Row | None:
        """The first row."""
        ...

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        ...

    def transaction(self) -> WireTransaction:
        """A transaction, not started."""
        ...

    async def add_listener(self, channel: str, callback: Callable[[Any, int, str, str], None]) -> None:
        """LISTEN; the callback gets connection, process id, channel, payload."""
        ...

    def is_closed(self) -> bool:
        """Whether it is known to be gone."""
        ...

    def terminate(self) -> None:
        """Close it without a word."""
        ...


CONNECT_SECONDS: Final = 5.0
CALL_SECONDS: Final = 15.0  # asyncpg's own bound of one call, for a server that no longer answers at all
_FREQUENT: Final = 8  # connections
_PATIENT: Final = 8


async def connect(url: str, *, name: str = "gateway-worker") -> Any:
    """A new connection. `url` as libpq writes it; `name` is shown by ``pg_stat_activity``."""
    return cast("Any", await asyncpg.connect(url, **_arguments(name)))


async def connect_as_pool(url: str, *, name: str) -> Any:
    """A connection as those of `Database`'s pools: they ask more of a pooler."""
    return cast("Any", await asyncpg.connect(url, **_arguments(name, BY_INDEX)))


def _arguments(name: str, planning: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": CALL_SECONDS,
        "server_settings": {"application_name": name[:63], **SERVER_SETTINGS, **planning},
    }


async def _connect_guarded(url: str, name: str, guard: Guard) -> Any:
    try:
        connection = await connect(url, name=name)
    except asyncpg.InvalidCatalogNameError:
        if guard.since is not None:
            raise StoreUnavailable("The database is not there any more.") from None
        raise
    try:
        await guard.admit(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _leave_as_it_is(_connection: object) -> None:
    """Nothing to reset: we change no setting of a pooled connection, and a round trip per use would be dear."""


@asynccontextmanager
async def in_transaction(wire: Wire) -> AsyncGenerator[None]:
    """A transaction that is committed at the end; what is raised inside undoes it. The driver's errors as they are."""
    transaction = wire.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        if not wire.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()


class KeptWire:
    """A pooled connection that stays with its user from one use to the next.

    To take one from the pool and to give it back costs as much as a statement, which counts where each message needs
    several transactions. One whose use failed goes back, and so does all but one of those used at the same time.

    Args:
        take: takes a connection; answers it with what gives it back.
        must_hold: raises when nothing may go to the server.
    """

    def __init__(
        self, take: Callable[[], Awaitable[tuple[Wire, Callable[[], Awaitable[None]]]]], must_hold: Callable[[], None]
    ) -> None:
        self._take = take
        self._must_hold = must_hold
        self._kept: tuple[Wire, Callable[[], Awaitable[None]]] | None = None

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[Wire]:
        """The connection. What is raised inside is raised here, and costs it."""
        kept, self._kept = self._kept, None
        if kept is not None and kept[0].is_closed():
            await kept[1]()
            kept = None
        wire, give_back = kept or await self._take()
        try:
            self._must_hold()
            yield wire
        except BaseException:
            await give_back()
            raise
        if self._kept is None:
            self._kept = wire, give_back
        else:
            await give_back()

    async def close(self) -> None:
        """Give it back to the pool; another use takes one again."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept[1]()


async def _close(pool: Any) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


class Database:
    """Both pools over one URL.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        direct_url: for what needs a session of its own (the lock, notifications), where a pooler stands before `url`.
        name: the application's name in ``pg_stat_activity``.
        lease: once it has run out, nothing goes to the server but its renewal.
        guard: lets connections pass; once it has refused one, nothing goes to the server.
    """

    def __init__(
        self, url: str, *, direct_url: str | None = None, name: str, lease: Lease, guard: Guard | None = None
    ) -> None:
        self._url = url
        self._direct_url = direct_url or url
        self._lease = lease
        self._name = name
        self._guard = guard = guard or Guard()
        self._frequent: Any = None  # asyncpg's pools
        self._patient: Any = None

    async def open(self) -> None:
        """Open the first connections.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        with translated():
            self._frequent = await self._pool(_FREQUENT, least=1)
            self._patient = await self._pool(_PATIENT, least=0)

    async def _pool(self, size: int, *, least: int) -> Any:
        return await asyncpg.create_pool(
            self._url,
            min_size=least,
            max_size=size,
            max_inactive_connection_lifetime=600,
            reset=_leave_as_it_is,
            init=self._guard.admit,
            **_arguments(self._name, BY_INDEX),
        )

    async def close(self) -> None:
        """Close both pools; connections in use are given a moment."""
        await asyncio.gather(*(_close(pool) for pool in (self._frequent, self._patient) if pool is not None))

    async def own_connection(self, purpose: str) -> Wire:
        """A connection outside of the pools, for a lock or for notifications. The caller closes it."""
        try:
            with translated():
                return cast("Wire", await _connect_guarded(self._direct_url, f"{self._name} {purpose}", self._guard))
        except StoreUnavailable as error:
            error.at = None if self._direct_url == self._url else self._direct_url
            raise

    @asynccontextmanager
    async def wire(self) -> AsyncGenerator[Wire]:
        """An asyncpg connection for frequent statements; its errors are translated."""
        with translated():
            async with self.raw_wire() as connection:
                yield connection

    @asynccontextmanager
    async def raw_wire(self) -> AsyncGenerator[Wire]:
        """The same, with the driver's errors as they are."""
        async with self._of(self._frequent) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Wire]:
        """A connection in a transaction that is committed at the end and may wait for locks; errors are translated."""
        with translated():
            async with self._of(self._patient) as connection, in_transaction(connection):
                yield connection

    @asynccontextmanager
    async def _of(self, pool: Any) -> AsyncGenerator[Wire]:
        connection = await self._taken(pool)
        try:
            self._must_hold()
            yield cast("Wire", connection)
        finally:
            await pool.release(connection)

    async def _taken(self, pool: Any) -> Any:
        if pool is None:
            raise StoreError("the store is not started")
        try:
            return await pool.acquire(timeout=CONNECT_SECONDS)
        except asyncpg.InvalidCatalogNameError:
            raise StoreUnavailable("The database is not there any more.") from None

    def kept(self) -> "KeptWire":
        """A connection for somebody who needs one all the time, with the driver's errors as they are."""
        return KeptWire(self._take_frequent, self._must_hold)

    async def _take_frequent(self) -> tuple[Wire, Callable[[], Awaitable[None]]]:
        pool = self._frequent
        connection = await self._taken(pool)
        return cast("Wire", connection), lambda: pool.release(connection)

    async def recheck(self, wire: Wire) -> None:
        """Raise `StoreUnavailable` if what `wire` leads to is no longer what was begun with."""
        await self._guard.admit(wire)

    def _must_hold(self) -> None:
        self._guard.must_pass()
        if not self._lease.permits:
            raise StoreUnavailable("The worker's lease has run out.")

    async def check(self) -> float:
        """Seconds of one round trip.

        Raises:
            StoreUnavailable: there is no answer.
            DatabaseReadOnly: there is one, and nothing can be written.
        """
        began = time.perf_counter()
        async with self.wire() as connection:
            is_read_only = await connection.fetchval("SELECT current_setting('transaction_read_only') = 'on'")
        if is_read_only:
            raise DatabaseReadOnly
        return time.perf_counter() - began
