"""What a driver's errors mean to the store."""

import asyncio
import contextlib
import ssl

import asyncpg
import pytest

from gateway_worker.store.errors import DatabaseFull, StoreError, StoreUnavailable
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.driver_errors import complaint, translated
from gateway_worker.store.postgres.lease import Lease

URL = "postgresql://u:hidden@h:5432/d"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        TimeoutError(),
        ssl.SSLCertVerificationError("certificate has expired"),  # which Python calls a ValueError too
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.UndefinedTableError("somebody restores it, table by table"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_breaks_in_whatever_way_says_that_the_database_is_away(error: Exception) -> None:
    with pytest.raises(StoreUnavailable), translated():
        raise error


async def test_a_database_whose_connections_are_all_others_says_so() -> None:
    with pytest.raises(DatabaseFull) as refused, translated():
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")
    assert "no connection left: see its max_connections" in complaint(refused.value, URL)


async def test_a_statement_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(StoreError), translated():
        raise asyncpg.UndefinedColumnError("no such column")


@pytest.mark.parametrize(
    "words", ['unrecognized configuration parameter "connect_timeout"', 'invalid value for parameter "jit": "maybe"']
)
async def test_an_option_that_the_server_does_not_take_is_told_by_the_setting(words: str) -> None:
    with pytest.raises(StoreError) as refused, translated():
        raise asyncpg.UndefinedObjectError(words)
    assert complaint(refused.value, URL) == f"PostgreSQL at h:5432: GATEWAY_DATABASE_URL cannot be used: {words}"


async def test_an_address_past_the_pooler_that_leads_nowhere_is_told_by_its_own_setting() -> None:
    database = Database(URL, direct_url="postgresql://u:hidden@127.0.0.1:1/d", name="test", lease=Lease(seconds=1))
    with pytest.raises(StoreUnavailable) as away:
        await database.own_connection("lock")
    told = complaint(away.value, URL)
    assert told.startswith("PostgreSQL at 127.0.0.1:1 is not available")
    assert "(GATEWAY_DATABASE_DIRECT_URL)" in told


async def test_a_cancellation_that_the_driver_lost_takes_effect() -> None:
    async def work() -> None:
        with translated():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            raise asyncpg.InterfaceError("connection is closed")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
