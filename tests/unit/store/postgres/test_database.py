"""What a driver's errors mean to the store."""

import asyncio
import contextlib
import ssl

import asyncpg
import pytest

from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import translated


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


async def test_a_statement_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(StoreError), translated():
        raise asyncpg.UndefinedColumnError("no such column")


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
