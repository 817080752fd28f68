"""Order per chat."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.outgoing.chat_order import MAX_HOLD_SECONDS, ChatOrder, Slot
from tests.support.connections.virtual_time import virtual


async def stand(slot: Slot, seconds: float, log: list[str], name: str) -> None:
    try:
        await slot.turn()
        await asyncio.sleep(seconds)
        log.append(name)
    finally:
        slot.leave()


@virtual
async def test_one_chat_keeps_the_order_of_places_however_slow_the_first() -> None:
    order, log = ChatOrder(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("slow", 60), ("quick", 0), ("last", 0)):
            tasks.create_task(stand(order.take("anna"), seconds, log, name))
    assert log == ["slow", "quick", "last"]


@virtual
async def test_a_slow_chat_holds_up_only_itself() -> None:
    order, log = ChatOrder(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(order.take("anna"), 60, log, "anna"))
        tasks.create_task(stand(order.take("bert"), 1, log, "bert"))
    assert log == ["bert", "anna"]


@virtual
async def test_who_gives_up_in_the_middle_lets_nobody_past_the_first() -> None:
    order, log = ChatOrder(), list[str]()
    first, second, third = (order.take("anna") for _ in range(3))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(third, 0, log, "third"))
        second.leave()
        await asyncio.sleep(10)
        assert log == []
        tasks.create_task(stand(first, 0, log, "first"))
    assert log == ["first", "third"]


@virtual
async def test_a_cancelled_wait_frees_its_place() -> None:
    order, log = ChatOrder(), list[str]()
    first = order.take("anna")

    async def wait_and_leave() -> None:
        slot = order.take("anna")
        try:
            await slot.turn()
        finally:
            slot.leave()

    waiting = asyncio.ensure_future(wait_and_leave())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    last = order.take("anna")
    first.leave()
    await stand(last, 0, log, "last")
    assert log == ["last"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=30))
def test_whatever_the_speeds_each_chat_is_served_in_order_and_nothing_stays(work: list[tuple[str, int]]) -> None:
    @virtual
    async def serve() -> None:
        order, log = ChatOrder(), list[str]()
        async with asyncio.TaskGroup() as tasks:
            for number, (chat, seconds) in enumerate(work):
                tasks.create_task(stand(order.take(chat), seconds, log, f"{chat}{number:02}"))
        for chat in "abc":
            mine = [name for name in log if name.startswith(chat)]
            assert mine == sorted(mine)
        assert len(log) == len(work)
        assert len(order) == 0

    serve()


@virtual
async def test_nobody_starts_behind_a_place_that_may_turn_out_to_be_of_the_same_chat() -> None:
    order, log = ChatOrder(), list[str]()
    unknown = order.take("dialled", among="55", unsettled="dialled")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(order.take("anna", among="55"), 0, log, "behind, in its country"))
        tasks.create_task(stand(order.take("bert", among="49"), 0, log, "elsewhere"))
        tasks.create_task(stand(order.take("a group"), 0, log, "a group"))
        await asyncio.sleep(5)
        assert log == ["elsewhere", "a group"]
        order.settle("dialled", "anna")
        tasks.create_task(stand(unknown, 5, log, "dialled"))
    assert log[2:] == ["dialled", "behind, in its country"]
    assert len(order) == 0


@virtual
async def test_an_unsettled_place_that_is_left_holds_up_nobody() -> None:
    order, log = ChatOrder(), list[str]()
    unknown = order.take("dialled", among="55", unsettled="dialled")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(order.take("anna", among="55"), 0, log, "anna"))
        await asyncio.sleep(5)
        unknown.leave()
    assert log == ["anna"]
    order.settle("dialled", "anna")
    assert len(order) == 0


@virtual
async def test_a_number_that_whatsapp_says_nothing_of_holds_up_others_for_seconds_only() -> None:
    order, log = ChatOrder(), list[str]()
    silent = order.take("dialled", among="55", unsettled="dialled")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(order.take("anna", among="55"), 0, log, "anna"))
        await asyncio.sleep(60)
        assert log == []  # it is not asked yet: there may be no connection
        with silent.asking():
            await asyncio.sleep(MAX_HOLD_SECONDS - 1)
            assert log == []
            await asyncio.sleep(2)
            assert log == ["anna"]
    order.settle("dialled", "dialled")
    await stand(silent, 0, log, "dialled")
    assert log == ["anna", "dialled"]


@virtual
async def test_who_was_answered_in_time_is_not_overtaken_later() -> None:
    order, log = ChatOrder(), list[str]()
    asked = order.take("dialled", among="55", unsettled="dialled")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stand(order.take("anna", among="55"), 0, log, "anna"))
        with asked.asking():
            await asyncio.sleep(MAX_HOLD_SECONDS - 1)
        await asyncio.sleep(60)
        assert log == []
        order.settle("dialled", "anna")
        tasks.create_task(stand(asked, 0, log, "dialled"))
    assert log == ["dialled", "anna"]
