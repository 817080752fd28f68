"""Where there is less room than work, nobody takes all of it."""

import asyncio

from gateway_worker.media.fair_semaphore import FairSemaphore


class Places:
    """FairSemaphore, and work that takes until it is told to end. `seated`: whose is under way."""

    def __init__(self, tasks: asyncio.TaskGroup, at_once: int) -> None:
        self._tasks = tasks
        self._semaphore = FairSemaphore(at_once)
        self.seated: list[str] = []

    async def enter(self, party: str, name: str) -> asyncio.Event:
        """Somebody wants a seat; set the event to make the work end."""
        done = asyncio.Event()

        async def work() -> None:
            async with self._semaphore.taken(party):
                self.seated.append(name)
                await done.wait()
                self.seated.remove(name)

        self._tasks.create_task(work())
        await settle()
        return done


async def settle() -> None:
    """All that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_party_with_much_work_leaves_a_seat_to_others() -> None:
    async with asyncio.TaskGroup() as tasks:
        room = Places(tasks, 2)
        first, second = await room.enter("a", "a1"), await room.enter("a", "a2")
        assert room.seated == ["a1"]
        other = await room.enter("b", "b1")
        assert room.seated == ["a1", "b1"]
        first.set()
        await settle()
        assert room.seated == ["b1", "a2"]
        second.set()
        other.set()


async def test_no_more_are_seated_than_there_are_seats() -> None:
    async with asyncio.TaskGroup() as tasks:
        room = Places(tasks, 2)
        ends = [await room.enter(party, party) for party in "abc"]
        assert room.seated == ["a", "b"]
        ends[0].set()
        await settle()
        assert room.seated == ["b", "c"]
        for each in ends[1:]:
            each.set()
