"""A connection that stays with its user: taken once, given back when it broke, and at the end."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.postgres.database import KeptWire, Wire


class Connection:
    """What a pool gives."""

    closed = False

    def is_closed(self) -> bool:
        return self.closed


class Pool:
    """Counts what is taken and what comes back."""

    def __init__(self) -> None:
        self.taken: list[Connection] = []
        self.back: list[Connection] = []
        self.holds = True

    async def take(self) -> tuple[Wire, Callable[[], Awaitable[None]]]:
        connection = Connection()
        self.taken.append(connection)

        async def give_back() -> None:
            self.back.append(connection)

        return cast("Wire", connection), give_back

    def must_hold(self) -> None:
        if not self.holds:
            raise StoreUnavailable("The worker's lease has run out.")


async def _use(kept: KeptWire) -> Any:
    async with kept.use() as wire:
        return wire


async def test_it_is_taken_once_and_given_back_at_the_end() -> None:
    pool = Pool()
    kept = KeptWire(pool.take, pool.must_hold)
    assert await _use(kept) is await _use(kept)
    assert (len(pool.taken), pool.back) == (1, [])
    await kept.close()
    await kept.close()
    assert pool.back == pool.taken


async def test_one_whose_use_failed_is_not_used_again() -> None:
    pool = Pool()
    kept = KeptWire(pool.take, pool.must_hold)
    with pytest.raises(ZeroDivisionError):
        async with kept.use():
            raise ZeroDivisionError
    assert pool.back == pool.taken
    await _use(kept)
    assert len(pool.taken) == 2


async def test_one_that_was_closed_meanwhile_is_not_used_again() -> None:
    pool = Pool()
    kept = KeptWire(pool.take, pool.must_hold)
    await _use(kept)
    pool.taken[0].closed = True
    assert await _use(kept) is pool.taken[1]
    assert pool.back == pool.taken[:1]


async def test_two_users_at_the_same_time_have_two_and_one_of_them_is_kept() -> None:
    pool = Pool()
    kept = KeptWire(pool.take, pool.must_hold)
    async with kept.use() as one, kept.use() as other:
        assert one is not other
    await kept.close()
    assert len(pool.back) == len(pool.taken) == 2


async def test_nothing_is_used_while_the_lease_has_run_out() -> None:
    pool = Pool()
    kept = KeptWire(pool.take, pool.must_hold)
    await _use(kept)
    pool.holds = False
    with pytest.raises(StoreUnavailable):
        await _use(kept)
    assert pool.back == pool.taken
