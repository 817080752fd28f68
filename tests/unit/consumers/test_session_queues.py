"""Commands come in at their queues, and are moved from the wrong ones."""

import pytest

from consumers.delivery import FORWARDED
from schemas.names import SessionId, WorkerId
from tests.support.consumers.consuming_harness import CREATE, DESCRIBE, Harness
from tests.support.consumers.fakes import body_of, text_message

CONFIRM = body_of("session.passkey.confirm.v1", "s1", {"confirmed": True}, command_id="p1")


@pytest.mark.parametrize(
    ("body", "arrives_at", "belongs_to"),
    [
        (body_of("session.create.v1", "s9", CREATE), "gateway.control", "gateway.sessions"),
        (DESCRIBE, "gateway.session.s1", "gateway.control"),
        (text_message("s1"), "gateway.control", "gateway.session.s1"),
        (text_message("s1"), "gateway.session.other", "gateway.session.s1"),
        (text_message("s1"), "gateway.unroutable", "gateway.session.s1"),
        (body_of("worker.describe.v1", "w1", {}), "gateway.control", "gateway.worker.w1"),
    ],
)
async def test_a_command_in_the_wrong_queue_is_moved(
    harness: Harness, body: bytes, arrives_at: str, belongs_to: str
) -> None:
    await harness.settle(body, queue=arrives_at, correlation_id="c", expiration="60000", headers={"mine": "yes"})
    ((queue, message),) = harness.publisher.forwarded
    assert queue == belongs_to
    assert (message.body, message.reply_to, message.correlation_id) == (body, "me", "c")
    assert (message.expiration, message.headers) == ("60000", {"mine": "yes", FORWARDED: 1})
    assert harness.receiver.acked == [1]
    assert harness.publisher.replies == []


@pytest.mark.parametrize("owner", ["w1", "w2"])
async def test_what_only_its_owner_can_do_is_moved_to_the_owners_own_queue(harness: Harness, owner: str) -> None:
    home = f"gateway.worker.{owner}"
    harness.publisher.queues.add(home)
    harness.manager.owners[SessionId("s1")] = WorkerId(owner)
    await harness.settle(CONFIRM)
    assert [queue for queue, _ in harness.publisher.forwarded] == [home]
    assert harness.publisher.replies == []


async def test_the_owner_carries_out_what_was_moved_to_it(harness: Harness) -> None:
    harness.manager.owners[SessionId("s1")] = WorkerId("w1")
    queue = "gateway.worker.w1"
    await harness.settle(CONFIRM, queue=queue, exchange="", routing_key=queue, headers={FORWARDED: 1})
    assert harness.manager.sessions[SessionId("s1")].sent == ["confirm p1"]
    assert harness.reply["type"] == "command.accepted.v1"


async def test_what_only_an_owner_can_do_is_refused_where_nobody_has_the_session(harness: Harness) -> None:
    await harness.settle(CONFIRM)
    assert harness.publisher.forwarded == []
    assert harness.codes == ["session.not_pairing"]


async def test_a_command_is_not_moved_for_ever(harness: Harness) -> None:
    await harness.settle(DESCRIBE, queue="gateway.unroutable", headers={FORWARDED: 3})
    assert harness.publisher.forwarded == []
    assert harness.codes == ["internal"]


async def test_a_command_for_an_unknown_session_is_answered(harness: Harness) -> None:
    await harness.settle(text_message("nobody"), queue="gateway.unroutable")
    assert harness.codes == ["session.not_found"]


async def test_nothing_is_moved_into_the_queue_of_a_session_that_is_gone(harness: Harness) -> None:
    harness.publisher.queues.add("gateway.session.gone")
    await harness.settle(text_message("gone"), queue="gateway.unroutable")
    assert harness.codes == ["session.not_found"]
    assert harness.publisher.forwarded == []


async def test_a_command_for_an_unknown_worker_is_answered(harness: Harness) -> None:
    await harness.settle(body_of("worker.describe.v1", "w7", {}), queue="gateway.unroutable")
    assert harness.codes == ["worker.not_found"]


async def test_a_known_session_without_a_queue_gets_one(harness: Harness) -> None:
    harness.publisher.queues.discard("gateway.session.s1")
    await harness.settle(text_message("s1"), queue="gateway.unroutable")
    assert set(harness.declared) == {"s1"}  # made, and once more bound
    assert [queue for queue, _ in harness.publisher.forwarded] == ["gateway.session.s1"]


async def test_a_worker_is_described_by_its_own_queue(harness: Harness) -> None:
    await harness.settle(body_of("worker.describe.v1", "w1", {}), queue="gateway.worker.w1")
    assert harness.reply["result"]["workerId"] == "w1"


async def test_a_worker_is_drained_by_its_own_queue(harness: Harness) -> None:
    await harness.settle(body_of("worker.drain.v1", "w1", {}), queue="gateway.worker.w1")
    assert harness.reply["type"] == "command.accepted.v1"
    assert harness.worker.drained


async def test_an_order_to_move_is_accepted_wherever_the_session_lives(harness: Harness) -> None:
    await harness.settle(body_of("session.migrate.v1", "s1", {}))
    assert harness.reply["type"] == "command.accepted.v1"
    assert harness.manager.asked == [("migrate", "s1")]
