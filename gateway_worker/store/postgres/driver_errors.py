"""What the drivers of PostgreSQL raise, in our words: outside of this package nobody sees an error of theirs."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import asyncpg

from gateway_worker.store.errors import (
    ContentRefused,
    DatabaseFull,
    DatabasePooled,
    DatabaseRefused,
    DatabaseTooOld,
    StoreError,
    StoreUnavailable,
)
from gateway_worker.store.postgres.parameters import startup_parameters
from gateway_worker.timing.cancelling import cancellable
from schemas.topology.absence import HUNG_UP, absence
from schemas.topology.addresses import shown

_CA: Final = "GATEWAY_DATABASE_URL (postgresql://…?sslmode=verify-full&sslrootcert=/path/ca.pem)"
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


FORGETFUL: Final = (
    "GATEWAY_DATABASE_URL leads through a pooler that forgets prepared statements: PgBouncer 1.21 or newer with"
    " max_prepared_statements above 0 is needed, or a pool in session mode"
)
_OF_STATEMENTS: Final = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
_OLDEST: Final = 15


def require_version(version: str) -> None:
    """Of a server that calls itself so, e.g. ``15.8 (Debian 15.8-0+deb12u1)``.

    Raises:
        DatabaseTooOld: what we ask of it came later.
    """
    major = version.partition(".")[0].strip()
    if major.isdecimal() and int(major) < _OLDEST:
        raise DatabaseTooOld(f"it is PostgreSQL {version.split(maxsplit=1)[0]}: {_OLDEST} or newer is needed")


def is_away(error: BaseException) -> bool:
    """Whether a driver's error says that the database is away or overloaded, rather than that a statement is wrong."""
    if isinstance(error, OSError):
        return True  # an untrusted certificate as well, which Python calls a ValueError too
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
    if isinstance(error, _OF_STATEMENTS):
        return DatabasePooled(FORGETFUL)
    if isinstance(error, asyncpg.UndefinedTableError):
        return StoreUnavailable("A table is missing: run gateway-worker migrate, unless somebody restores it now.")
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return DatabaseFull()
    if is_away(error):
        return StoreUnavailable(f"The database is not available ({kind}).")
    if isinstance(error, asyncpg.ClientConfigurationError) or _is_of_an_option(error):
        return StoreError(f"GATEWAY_DATABASE_URL cannot be used: {_words(error)}")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return StoreError(f"the database does not let this user do what it must: {_words(error)}")
    if isinstance(error, _OF_CONTENT):
        return ContentRefused(f"a value cannot be stored ({kind})")
    return StoreError(f"the database refused a statement ({kind})")


def _is_of_an_option(error: BaseException) -> bool:
    """Whether the server does not take what follows the ``?`` of its address: asyncpg hands it on."""
    words = str(error)
    return "unrecognized configuration parameter" in words or "invalid value for parameter" in words


def _words(error: BaseException) -> str:
    """Its first line: of these errors it names users, databases and tables, and no value."""
    return str(error).partition("\n")[0]


def complaint(error: StoreUnavailable | StoreError, url: str) -> str:
    """What a person is told, in one line, of a database at `url` that cannot be used."""
    setting = "GATEWAY_DATABASE_URL"
    if isinstance(error, StoreUnavailable) and error.at is not None:
        setting, url = "GATEWAY_DATABASE_DIRECT_URL", error.at
    match error:
        case DatabaseRefused(why=why):
            return f"PostgreSQL at {shown(url)} lets nobody in: {why} ({setting})"
        case StoreUnavailable():
            words = _absence(error.__cause__) or error.message
            return f"PostgreSQL at {shown(url)} is not available: {words} ({setting})"
        case DatabasePooled():
            return str(error)
        case _:
            return f"PostgreSQL at {shown(url)}: {error}"


def _absence(error: BaseException | None) -> str | None:
    if (words := absence(error, ca=_CA)) is not None:
        return words
    match error:
        case asyncpg.InternalClientError() | ConnectionError() if "SSL" in str(error):
            return "what listens there is no PostgreSQL, or none with TLS (sslmode)"
        case ConnectionError():
            return HUNG_UP
        case OSError():
            return _words(error)
        case _:
            return None
