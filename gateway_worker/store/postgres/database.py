"""Connections to PostgreSQL: two pools of asyncpg's, one for what waits for nobody, one for what may wait for a lock.

Both open the same kind of connection, and both speak to the caller through `translated`: outside of this package nobody
sees an error of a driver.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

import asyncpg

from gateway_worker.store.errors import ContentRefused, DatabaseRefused, StoreError, StoreUnavailable
from gateway_worker.store.postgres.guard import Guard
from gateway_worker.store.postgres.lease import Lease
from gateway_worker.store.row import Row
from gateway_worker.timing.cancelling import cancellable
from schemas.topology.addresses import shown


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
_SERVER_SETTINGS: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "10s",  # a stopped worker holds no row when its lease runs out
    "tcp_keepalives_idle": "10",  # a lock held by a connection that was cut outlives the lease, but not by hours
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "plan_cache_mode": "force_generic_plan",  # planning our array statements costs more than running them
    "jit": "off",  # it costs more than any of our statements takes
    "timezone": "UTC",
}
# Our frequent statements find few rows by their keys. A generic plan is made once, maybe while the tables are still
# empty: reading them from end to end looks cheap then, and would be done at every call when they have grown.
_BY_INDEX: Final = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
_FREQUENT: Final = 8  # connections
_PATIENT: Final = 8

_REFUSED: Final = (
    asyncpg.InvalidCatalogNameError,  # there is no such database
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password, no such user, pg_hba.conf
)
_AWAY: Final = (
    OSError,  # connection refused, reset, host unreachable
    TimeoutError,
    asyncpg.InterfaceError,  # the connection was closed under us
    asyncpg.InternalClientError,  # it broke in the middle of an answer, as those of a killed server do
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, starting up, a statement cancelled by its timeout
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.CheckViolationError,  # only partitions check: this row's was made at this moment, and it fits the next time
    asyncpg.ReadOnlySQLTransactionError,  # a former primary, in a failover
    asyncpg.UndefinedTableError,  # somebody restores it: that the schema is ours was seen at the start
    *_REFUSED,
)


# Values that no repetition makes storable; what is raised where we or asyncpg encode them is of the content too.
_OF_CONTENT: Final = (
    asyncpg.DataError,  # class 22: out of range, NUL in a text, no such date
    asyncpg.ProgramLimitExceededError,  # class 54: an index row too large, too many columns
    asyncpg.IntegrityConstraintViolationError,  # class 23; partitions' checks are `is_away`
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    RecursionError,
)


def is_away(error: BaseException) -> bool:
    """Whether a driver's error says that the database is away or overloaded, rather than that a statement is wrong."""
    # asyncpg's InterfaceError also tells of wrong arguments; then it is a ValueError too
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)


def is_locked(error: BaseException) -> bool:
    """Whether a driver's error says that somebody has locked a row for longer than we wait."""
    return isinstance(error, asyncpg.LockNotAvailableError)


@contextmanager
def translated() -> Generator[None]:
    """Raise `StoreUnavailable` or `StoreError` for whatever a driver raises inside. The message names no value.

    A cancellation takes effect here, also where asyncpg lost it (it waits for a connection with `asyncio.wait_for`).
    """
    try:
        with cancellable():
            yield
    except (
        OSError,
        TimeoutError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        asyncpg.PostgresError,
    ) as error:
        raise translate(error) from error


def translate(error: BaseException) -> StoreUnavailable | StoreError:  # noqa: PLR0911 (one line a kind)
    """Our error for a driver's."""
    kind = type(error).__name__
    if isinstance(error, _REFUSED):
        return DatabaseRefused(_words(error))
    if isinstance(error, asyncpg.ProtocolViolationError) and "startup parameter" in str(error):
        needed = ",".join(startup_parameters())
        return StoreError(f"the pooler before it refuses ({_words(error)}): ignore_startup_parameters = {needed}")
    if isinstance(error, asyncpg.UndefinedTableError):
        return StoreUnavailable("A table is missing: run gateway-worker migrate, unless somebody restores it now.")
    if is_away(error):
        return StoreUnavailable(f"The database is not available ({kind}).")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return StoreError(f"GATEWAY_DATABASE_URL cannot be used: {_words(error)}")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return StoreError(f"the database does not let this user do what it must: {_words(error)}")
    if isinstance(error, _OF_CONTENT):
        return ContentRefused(f"a value cannot be stored ({kind})")
    return StoreError(f"the database refused a statement ({kind})")


def _words(error: BaseException) -> str:
    """Its first line: of these errors it names users, databases and tables, and no value."""
    return str(error).partition("\n")[0]


def startup_parameters() -> Sequence[str]:
    """What a connection of ours says when it opens: a pooler must let it pass, or ignore it."""
    return sorted({**_SERVER_SETTINGS, **_BY_INDEX})


def complaint(error: StoreUnavailable | StoreError, url: str) -> str:
    """What a person is told, in one line, of a database at `url` that cannot be used."""
    match error:
        case DatabaseRefused(why=why):
            return f"PostgreSQL at {shown(url)} lets nobody in: {why} (GATEWAY_DATABASE_URL)"
        case StoreUnavailable():
            cause = error.__cause__
            words = _words(cause) if isinstance(cause, OSError) and not isinstance(cause, TimeoutError) else ""
            absence = words or "it does not answer" if isinstance(cause, OSError) else error.message
            return f"PostgreSQL at {shown(url)} is not available: {absence} (GATEWAY_DATABASE_URL)"
        case _:
            return f"PostgreSQL at {shown(url)}: {error}"


async def connect(url: str, *, name: str = "gateway-worker") -> Any:
    """A new connection. `url` as libpq writes it; `name` is shown by ``pg_stat_activity``."""
    return cast("Any", await asyncpg.connect(url, **_arguments(name)))


def _arguments(name: str, planning: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": CALL_SECONDS,
        "server_settings": {"application_name": name[:63], **_SERVER_SETTINGS, **planning},
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
            **_arguments(self._name, _BY_INDEX),
        )

    async def close(self) -> None:
        """Close both pools; connections in use are given a moment."""
        await asyncio.gather(*(_close(pool) for pool in (self._frequent, self._patient) if pool is not None))

    async def own_connection(self, purpose: str) -> Wire:
        """A connection outside of the pools, for a lock or for notifications. The caller closes it."""
        with translated():
            return cast("Wire", await _connect_guarded(self._direct_url, f"{self._name} {purpose}", self._guard))

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
            async with self._of(self._patient) as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    yield connection
                except BaseException:
                    if not connection.is_closed():
                        await transaction.rollback()
                    raise
                await transaction.commit()

    @asynccontextmanager
    async def _of(self, pool: Any) -> AsyncGenerator[Wire]:
        if pool is None:
            raise StoreError("the store is not started")
        try:
            connection = await pool.acquire(timeout=CONNECT_SECONDS)
        except asyncpg.InvalidCatalogNameError:
            raise StoreUnavailable("The database is not there any more.") from None
        try:
            self._must_hold()
            yield cast("Wire", connection)
        finally:
            await pool.release(connection)

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
        """
        began = time.perf_counter()
        async with self.wire() as connection:
            await connection.fetchval("SELECT 1")
        return time.perf_counter() - began
