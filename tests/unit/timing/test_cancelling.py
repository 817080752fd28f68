"""A cancellation that a library loses takes effect all the same."""

import asyncio
from collections.abc import Callable

import pytest

from gateway_worker.timing.cancelling import cancellable, end


class Lost(Exception):  # noqa: N818
    """What a library makes of a cancellation."""


async def lose_it(raised: Exception | None) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if raised is not None:
            raise raised from None


@pytest.mark.parametrize("raised", [None, Lost()], ids=["answered", "raised something else"])
async def test_a_lost_cancellation_takes_effect_at_the_boundary(raised: Exception | None) -> None:
    async def work() -> None:
        with cancellable():
            await lose_it(raised)
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_lost_time_limit_is_a_timeout() -> None:
    async def work() -> None:
        async with asyncio.timeout(0.01):
            with cancellable():
                await lose_it(None)

    with pytest.raises(TimeoutError):
        await work()


async def test_what_is_raised_without_a_cancellation_passes() -> None:
    with pytest.raises(Lost), cancellable():
        raise Lost


async def test_a_task_that_was_cancelled_before_cleans_up_in_peace() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with cancellable():
                await asyncio.sleep(0)
            cleaned.append("here")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert cleaned == ["here"]


@pytest.mark.parametrize("losses", [0, 1, 3])
async def test_a_task_that_goes_on_is_cancelled_again(losses: int) -> None:
    async def stubborn() -> None:
        for _ in range(losses):
            await lose_it(None)
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end(task, every=0.01)
    assert task.cancelled()


async def test_the_runtime_loses_a_cancellation_that_meets_the_answer() -> None:
    """Why all this is here. If it fails, Python is 3.12 or later, and `wait_for` is mended."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    went_on: list[str] = []

    async def work() -> None:
        await asyncio.wait_for(answer, 10)
        went_on.append("here")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    answer.set_result(None)
    in_the_same_turn: Callable[[], bool] = task.cancel
    in_the_same_turn()
    await asyncio.wait({task})
    assert went_on == ["here"]
