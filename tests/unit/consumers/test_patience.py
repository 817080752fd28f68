"""Holding deliveries while something is away."""

import asyncio

from consumers.patience import LONGEST_DELAY, Patience


async def test_one_success_lets_all_go_on_in_order() -> None:
    patience = Patience()
    released: list[int] = []

    async def held(number: int) -> None:
        await patience.hold("away")
        released.append(number)
        patience.over("away")

    async with asyncio.timeout(LONGEST_DELAY), asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(held(number))
    assert released == list(range(200))


async def test_one_trouble_does_not_hold_up_another() -> None:
    patience = Patience()
    async with asyncio.TaskGroup() as group:
        first = [group.create_task(patience.hold("one")) for _ in range(50)]
        await patience.hold("other")
        assert not all(task.done() for task in first)
        patience.over("one")
