"""Holding deliveries while something is away."""

import asyncio

from consumers.retry_gate import LONGEST_DELAY, RetryGate


async def test_one_success_lets_all_go_on_in_order() -> None:
    retry_gate = RetryGate()
    released: list[int] = []

    async def held(number: int) -> None:
        await retry_gate.hold("away")
        released.append(number)
        retry_gate.over("away")

    async with asyncio.timeout(LONGEST_DELAY), asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(held(number))
    assert released == list(range(200))


async def test_one_trouble_does_not_hold_up_another() -> None:
    retry_gate = RetryGate()
    async with asyncio.TaskGroup() as group:
        first = [group.create_task(retry_gate.hold("one")) for _ in range(50)]
        await retry_gate.hold("other")
        assert not all(task.done() for task in first)
        retry_gate.over("one")
