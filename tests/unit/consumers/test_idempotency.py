"""A command is carried out once, and its repetition gets the same answer."""

import asyncio

import pytest

from consumers.dead_letters import REDRIVEN
from schemas.errors import FleetFull, SessionNotConnected, SessionNotFound
from tests.support.consumers.consuming_harness import CREATE, RESTART, Harness
from tests.support.consumers.fakes import body_of


async def test_a_duplicate_gets_the_same_answer_at_its_own_queue(harness: Harness) -> None:
    await harness.settle(RESTART, reply_to="first")
    await harness.settle(RESTART, reply_to="second")
    (_, _, first), (to, _, second) = harness.publisher.replies
    assert to == "second"
    assert (first.type, first.data) == (second.type, second.data)
    assert harness.manager.asked == [("restart", "s1")]


async def test_a_duplicate_waits_for_the_first(harness: Harness) -> None:
    harness.manager.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(harness.settle(RESTART, reply_to="first"))
        await harness.manager.started.wait()
        second = group.create_task(harness.settle(RESTART, reply_to="second"))
        await asyncio.sleep(0)
        assert not second.done()
        harness.manager.may_go_on.set()
    assert [to for to, _, _ in harness.publisher.replies] == ["first", "second"]
    assert harness.manager.asked == [("restart", "s1")]


@pytest.mark.parametrize("in_progress", [True, False])
async def test_another_body_under_the_same_key_is_a_conflict(harness: Harness, *, in_progress: bool) -> None:
    other = body_of("session.logout.v1", "s1", {}, command_id="r1")
    if in_progress:
        harness.manager.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(harness.settle(RESTART))
        await harness.manager.started.wait()
        await harness.settle(other, reply_to="other")
        harness.manager.may_go_on.set()
    assert {to: envelope.data.get("code") for to, _, envelope in harness.publisher.replies} == {
        "me": None,
        "other": "command.conflict",
    }


async def test_a_rejection_is_the_same_when_repeated(harness: Harness) -> None:
    body = body_of("message.read.v1", "s1", {"chat": "+15550001111", "messageIds": ["3EB0AA"]}, command_id="x")
    await harness.settle(body, queue="gateway.session.s1")
    await harness.settle(body, queue="gateway.session.s1")
    assert harness.codes == ["message.not_found", "message.not_found"]
    assert len(harness.ledger.rows) == 1


async def test_not_now_is_no_lasting_answer(harness: Harness) -> None:
    harness.manager.failures["restart"] = [SessionNotConnected()]
    await harness.settle(RESTART)
    await harness.settle(RESTART)
    assert [envelope.type for _, _, envelope in harness.publisher.replies] == [
        "command.rejected.v1",
        "command.accepted.v1",
    ]


@pytest.mark.parametrize("redelivered", [True, False])
async def test_a_command_that_a_crash_interrupted_is_carried_out(harness: Harness, *, redelivered: bool) -> None:
    harness.manager.failures["restart"] = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await harness.settle(RESTART)
    await harness.settle(RESTART, redelivered=redelivered)
    assert harness.manager.asked == [("restart", "s1"), ("restart", "s1")]
    assert harness.reply["type"] == "command.accepted.v1"


async def test_a_rejection_of_old_is_no_answer_to_a_redriven_command(harness: Harness) -> None:
    harness.manager.failures["restart"] = [SessionNotFound()]
    await harness.settle(RESTART)
    await harness.settle(RESTART)
    assert harness.codes == ["session.not_found", "session.not_found"]
    await harness.settle(RESTART, headers={REDRIVEN: 1}, reply_to="person")
    assert harness.publisher.replies[-1][2].type == "command.accepted.v1"
    await harness.settle(RESTART, headers={REDRIVEN: 1}, reply_to="person")
    assert harness.manager.asked == [("restart", "s1")] * 2, "it has succeeded: that is the answer from now on"


async def test_a_create_that_found_no_room_waits_for_some(harness: Harness) -> None:
    harness.manager.failures["create"] = [FleetFull()]
    await harness.settle(body_of("session.create.v1", "s9", CREATE), queue="gateway.sessions")
    assert harness.reply["type"] == "command.accepted.v1"
