"""Limits of a user hold for all who ask, at the same time too."""

import asyncio
from datetime import timedelta

from gateway_worker.store.records import UserLimit, UserSpan
from gateway_worker.store.store import Store
from schemas.names import UserId
from tests.support.store.stores import KEY, NOON, TestClock, opened

USER = UserId("user1")


async def test_a_day_is_counted_once_for_all_workers_and_slides(
    store: Store, migrated_database_url: str, clock: TestClock
) -> None:
    await store.user_limits.put(USER, UserLimit(per_day=5))
    async with opened(migrated_database_url, clock, KEY) as other:
        asked = [(store, other)[number % 2].user_limits.take(USER, UserSpan.DAY) for number in range(12)]
        taken = [each for each in await asyncio.gather(*asked) if each is not None]
    numbers = sorted(each.number for each in taken if each.number is not None)
    assert numbers == [1, 2, 3, 4, 5]
    assert {each.at for each in taken if each.number is None} == {NOON + timedelta(days=1)}
    await asyncio.gather(*(store.user_limits.give_back(USER, number) for number in (2, 5, 4)))
    assert await store.user_limits.used(USER, UserSpan.DAY) == 2
    assert [await _take(store) for _ in range(4)] == [3, 4, 5, None]
    clock.pass_by(timedelta(days=1))
    assert [(await _take(store)) for _ in range(6)].count(None) == 1
    clock.pass_by(timedelta(days=2))
    assert (await store.prune())["user_messages"] <= 10  # what the database's own clock calls old
    await store.user_limits.put(USER, UserLimit())
    assert await store.user_limits.take(USER, UserSpan.DAY) is None


async def test_a_minute_gives_each_its_time(store: Store, clock: TestClock) -> None:
    await store.user_limits.put(USER, UserLimit(per_minute=2))
    times = [await store.user_limits.take(USER, UserSpan.MINUTE) for _ in range(5)]
    minutes = [(each.at - NOON) / timedelta(minutes=1) for each in times if each is not None]
    assert minutes == [0, 0, 1, 1, 2]
    clock.pass_by(timedelta(minutes=10))
    late = await store.user_limits.take(USER, UserSpan.MINUTE)
    assert late is not None
    assert late.at == clock.now()


async def test_limits_are_looked_up_now_and_then(store: Store) -> None:
    assert await store.user_limits.of(USER) is None
    await store.user_limits.put(USER, UserLimit(per_day=1))
    assert await store.user_limits.of(USER) == UserLimit(per_day=1)
    assert await store.user_limits.of(UserId("somebody else")) is None


async def _take(store: Store) -> int | None:
    taken = await store.user_limits.take(USER, UserSpan.DAY)
    assert taken is not None
    return taken.number
