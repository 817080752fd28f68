"""Messages are accepted before they are sent, in order, once."""

import asyncio
from typing import Any

from gateway_worker.connections.messages.ids import derive_message_id
from gateway_worker.store.errors import StoreUnavailable
from schemas.errors import SessionNotConnected
from schemas.names import SessionId
from tests.support.connections.virtual_time import virtual
from tests.support.consumers.consuming_harness import Harness
from tests.support.consumers.fakes import text_message


async def test_a_message_is_accepted_with_its_id_before_it_is_sent(harness: Harness) -> None:
    session = harness.manager.sessions[SessionId("s1")]
    session.connected.clear()
    task = asyncio.create_task(harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1"))
    await harness.publisher.answered.wait()
    assert harness.reply["messageId"].startswith("3EB0")
    assert harness.receiver.acked == []
    session.connected.set()
    await task
    assert harness.receiver.acked == [1]


async def test_a_message_does_not_wait_for_its_reply_to_be_confirmed(harness: Harness) -> None:
    confirmed = asyncio.Event()
    reply = harness.publisher.reply

    async def slow(*arguments: Any, **more: Any) -> None:
        await confirmed.wait()
        await reply(*arguments, **more)

    harness.publisher.reply = slow
    task = asyncio.create_task(harness.settle(text_message("s1"), queue="gateway.session.s1"))
    await harness.manager.sessions[SessionId("s1")].until_sent(1)
    assert harness.receiver.acked == []
    confirmed.set()
    await task
    assert harness.receiver.acked == [1]
    assert harness.reply["type"] == "command.accepted.v1"


@virtual
async def test_an_accepted_message_that_meets_a_fault_of_ours_fails_by_its_status(harness: Harness) -> None:
    async def send(command: Any, accepted: Any) -> None:
        await accepted(derive_message_id(b"secret", command.key))
        raise ZeroDivisionError

    harness.manager.sessions[SessionId("s1")].send = send
    harness.manager.accepted_earlier.add("m1")
    await harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    assert harness.reply["type"] == "command.accepted.v1"
    assert harness.manager.failed == [("m1", "internal")]
    assert harness.noted.outcomes == [("message.send.v1", "internal")]
    assert len(harness.publisher.dead_letters) == 1
    assert harness.receiver.acked == [1]


async def test_an_accepted_message_of_a_deleted_session_is_not_answered_twice(harness: Harness) -> None:
    del harness.manager.sessions[SessionId("s1")]
    harness.manager.accepted_earlier.add("m1")
    await harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    await harness.settle(text_message("s1", command_id="m2"), queue="gateway.session.s1")
    assert harness.codes == ["session.not_found"]
    assert harness.manager.failed == [("m1", "session.not_found")]


async def test_a_message_tried_again_is_accepted_once(harness: Harness) -> None:
    session = harness.manager.sessions[SessionId("s1")]
    original = session.send
    tries = 0

    async def send(command: Any, accepted: Any) -> None:
        nonlocal tries
        tries += 1
        await original(command, accepted)
        if tries == 1:
            raise StoreUnavailable

    session.send = send
    await harness.settle(text_message("s1"), queue="gateway.session.s1")
    assert tries == 2
    assert harness.reply["type"] == "command.accepted.v1"


async def test_messages_reach_their_session_in_the_order_of_deliveries(harness: Harness) -> None:
    session = harness.manager.sessions[SessionId("s1")]
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(harness.settle(text_message("s1", f"{number}"), queue="gateway.session.s1", tag=number))
        await asyncio.sleep(0)
        assert session.begun == [f"{number}" for number in range(20)]


async def test_a_refused_message_is_rejected(harness: Harness) -> None:
    harness.manager.sessions[SessionId("s1")].failures = [SessionNotConnected()]
    await harness.settle(text_message("s1"), queue="gateway.session.s1")
    assert harness.codes == ["session.not_connected"]
