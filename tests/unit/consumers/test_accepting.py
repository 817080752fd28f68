"""Messages are accepted before they are sent, in order, once."""

import asyncio
from typing import Any

from gateway_worker.connections.messages.ids import derive_message_id
from gateway_worker.store.errors import StoreUnavailable
from schemas.errors import SessionNotConnected
from schemas.names import SessionId
from tests.support.consumers.consuming_bench import Bench
from tests.support.consumers.fakes import text_message


async def test_a_message_is_accepted_with_its_id_before_it_is_sent(bench: Bench) -> None:
    session = bench.manager.sessions[SessionId("s1")]
    session.connected.clear()
    task = asyncio.create_task(bench.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1"))
    await bench.publisher.answered.wait()
    assert bench.reply["messageId"].startswith("3EB0")
    assert bench.receiver.acked == []
    session.connected.set()
    await task
    assert bench.receiver.acked == [1]


async def test_a_message_does_not_wait_for_its_reply_to_be_confirmed(bench: Bench) -> None:
    confirmed = asyncio.Event()
    reply = bench.publisher.reply

    async def slow(*arguments: Any, **more: Any) -> None:
        await confirmed.wait()
        await reply(*arguments, **more)

    bench.publisher.reply = slow
    task = asyncio.create_task(bench.settle(text_message("s1"), queue="gateway.session.s1"))
    await bench.manager.sessions[SessionId("s1")].until_sent(1)
    assert bench.receiver.acked == []
    confirmed.set()
    await task
    assert bench.receiver.acked == [1]
    assert bench.reply["type"] == "command.accepted.v1"


async def test_an_accepted_message_that_meets_a_fault_of_ours_fails_by_its_status(bench: Bench) -> None:
    async def send(command: Any, accepted: Any) -> None:
        await accepted(derive_message_id(b"secret", command.key))
        raise ZeroDivisionError

    bench.manager.sessions[SessionId("s1")].send = send
    bench.manager.accepted_earlier.add("m1")
    await bench.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    assert bench.reply["type"] == "command.accepted.v1"
    assert bench.manager.failed == [("m1", "internal")]
    assert len(bench.publisher.dead_letters) == 1
    assert bench.receiver.acked == [1]


async def test_an_accepted_message_of_a_deleted_session_is_not_answered_twice(bench: Bench) -> None:
    del bench.manager.sessions[SessionId("s1")]
    bench.manager.accepted_earlier.add("m1")
    await bench.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    await bench.settle(text_message("s1", command_id="m2"), queue="gateway.session.s1")
    assert bench.codes == ["session.not_found"]
    assert bench.manager.failed == [("m1", "session.not_found")]


async def test_a_message_tried_again_is_accepted_once(bench: Bench) -> None:
    session = bench.manager.sessions[SessionId("s1")]
    original = session.send
    tries = 0

    async def send(command: Any, accepted: Any) -> None:
        nonlocal tries
        tries += 1
        await original(command, accepted)
        if tries == 1:
            raise StoreUnavailable

    session.send = send
    await bench.settle(text_message("s1"), queue="gateway.session.s1")
    assert tries == 2
    assert bench.reply["type"] == "command.accepted.v1"


async def test_messages_reach_their_session_in_the_order_of_deliveries(bench: Bench) -> None:
    session = bench.manager.sessions[SessionId("s1")]
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(bench.settle(text_message("s1", f"{number}"), queue="gateway.session.s1", tag=number))
        await asyncio.sleep(0)
        assert session.begun == [f"{number}" for number in range(20)]


async def test_a_refused_message_is_rejected(bench: Bench) -> None:
    bench.manager.sessions[SessionId("s1")].failures = [SessionNotConnected()]
    await bench.settle(text_message("s1"), queue="gateway.session.s1")
    assert bench.codes == ["session.not_connected"]
