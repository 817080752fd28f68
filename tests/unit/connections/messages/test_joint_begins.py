"""A begin and its ratchet in one transaction, or one after the other: never the ratchet alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway_worker.connections.messages.joint_begins import PATIENCE_SECONDS, JointBegins
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.operations.commands import BeginAnswer, BeginMessage, Begun, Conflict
from gateway_worker.whatsapp.errors import StoreRefused
from schemas.commands.commands import CommandKey
from schemas.names import MessageId
from tests.support.connections.virtual_time import virtual

BEGIN = BeginMessage(
    key=CommandKey(source="/tests", id="1", subject="anna"),
    body_hash=b"1",
    message_id=MessageId("3EB01"),
    to="+15550002222",
    kind="text",
    content={"kind": "text", "text": "Hi"},
)


class Alone:
    """Writes a begin by itself."""

    def __init__(self, answer: BeginAnswer | None = None) -> None:
        self.written: list[BeginMessage] = []
        self.answer = answer or Begun()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, begin: BeginMessage) -> BeginAnswer:
        self.written.append(begin)
        await self.may_answer.wait()
        return self.answer


async def _with_ratchet(begins: JointBegins, answers: Sequence[BeginAnswer]) -> Sequence[BeginMessage]:
    async with begins.taken([BEGIN.message_id, "3EB0FF"]) as taken:
        await asyncio.sleep(1)  # the transaction
        taken.committed(answers[: len(taken.operations)])
        return taken.operations


@virtual
async def test_a_ratchet_that_comes_at_once_takes_the_begin_along() -> None:
    begins, alone = JointBegins(), Alone()
    offer = begins.offer(BEGIN)
    durable = asyncio.create_task(begins.durable(offer, alone))
    assert await _with_ratchet(begins, [Begun()]) == [BEGIN]
    assert isinstance(await durable, Begun)
    assert alone.written == []


@virtual
async def test_a_ratchet_that_comes_before_anybody_waits_takes_it_along_too() -> None:
    begins, alone = JointBegins(), Alone()
    offer = begins.offer(BEGIN)
    assert await _with_ratchet(begins, [Begun()]) == [BEGIN]
    assert isinstance(await begins.durable(offer, alone), Begun)
    assert alone.written == []


@virtual
async def test_a_message_that_does_not_leave_at_once_is_begun_by_itself() -> None:
    begins, alone = JointBegins(), Alone()
    assert isinstance(await begins.durable(begins.offer(BEGIN), alone), Begun)
    assert alone.written == [BEGIN]
    assert await _with_ratchet(begins, []) == []


@virtual
async def test_a_ratchet_waits_for_a_begin_that_is_under_way() -> None:
    begins, alone = JointBegins(), Alone()
    alone.may_answer.clear()
    durable = asyncio.create_task(begins.durable(begins.offer(BEGIN), alone))
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    ratchet = asyncio.create_task(_with_ratchet(begins, []))
    await asyncio.sleep(10)
    assert not ratchet.done()
    alone.may_answer.set()
    assert await ratchet == []
    assert isinstance(await durable, Begun)


@virtual
async def test_nothing_leaves_of_a_message_whose_command_is_another_one() -> None:
    begins = JointBegins()
    offer = begins.offer(BEGIN)
    with pytest.raises(StoreRefused):
        await _with_ratchet(begins, [Conflict()])
    assert isinstance(await begins.durable(offer, Alone()), Conflict)


@virtual
async def test_nothing_leaves_of_one_that_turns_out_to_be_another_while_it_is_begun_by_itself() -> None:
    begins, alone = JointBegins(), Alone(Conflict())
    alone.may_answer.clear()
    durable = asyncio.create_task(begins.durable(begins.offer(BEGIN), alone))
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    ratchet = asyncio.create_task(_with_ratchet(begins, []))
    await asyncio.sleep(0)
    alone.may_answer.set()
    with pytest.raises(StoreRefused):
        await ratchet
    assert isinstance(await durable, Conflict)


@virtual
async def test_a_begin_whose_ratchet_could_not_be_stored_is_begun_by_itself() -> None:
    begins, alone = JointBegins(), Alone()
    durable = asyncio.create_task(begins.durable(begins.offer(BEGIN), alone))
    with pytest.raises(StoreUnavailable):
        async with begins.taken([BEGIN.message_id]):
            raise StoreUnavailable
    assert isinstance(await durable, Begun)
    assert alone.written == [BEGIN]


@virtual
async def test_what_is_withdrawn_is_taken_by_nobody() -> None:
    begins = JointBegins()
    offer = begins.offer(BEGIN)
    begins.withdraw(offer)
    begins.withdraw(offer)
    assert await _with_ratchet(begins, []) == []


@virtual
async def test_what_was_taken_beside_one_that_is_another_is_begun_by_itself() -> None:
    begins, refused, alone = JointBegins(), Alone(Conflict()), Alone()
    refused.may_answer.clear()
    other = replace(BEGIN, message_id=MessageId("3EB02"))
    conflict = asyncio.create_task(begins.durable(begins.offer(other), refused))
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    durable = asyncio.create_task(begins.durable(begins.offer(BEGIN), alone))

    async def ratchets() -> None:
        async with begins.taken([BEGIN.message_id, other.message_id]):
            raise AssertionError

    both = asyncio.create_task(ratchets())
    await asyncio.sleep(0)
    refused.may_answer.set()
    with pytest.raises(StoreRefused):
        await both
    assert isinstance(await conflict, Conflict)
    assert isinstance(await durable, Begun)
    assert alone.written == [BEGIN]
