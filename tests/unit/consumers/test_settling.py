"""The table of `consumers.settling`, row by row, with the real dispatcher and without a broker."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pamqp.common import FieldValue

from consumers.answer import Desk
from consumers.burial import REDRIVEN
from consumers.delivery import FORWARDED, Delivery
from consumers.dispatch import Dispatcher
from consumers.expired import Expired
from consumers.handlers import Handlers
from consumers.once import Once
from consumers.patience import Patience
from consumers.replies import Speaker
from consumers.settling import ATTEMPTS, Settler
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.connections.message_ids import derive_message_id
from gateway_worker.store.errors import StoreUnavailable
from schemas.channels import Topology
from schemas.errors import FleetFull, Internal, SessionNotConnected, SessionNotFound
from schemas.names import MAX_COMMAND_BYTES, SessionId, WorkerId
from tests.support.consumers import (
    NOW,
    FakeManager,
    FakeReceiver,
    FakeWorker,
    MemoryLedger,
    MemoryPublisher,
    body_of,
    delivery_of,
    replay,
    text_message,
)

TOPOLOGY = Topology("gateway")


class Noted:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.seconds: list[float] = []

    def command_settled(self, command_type: str, outcome: str, seconds: float) -> None:
        self.outcomes.append((command_type, outcome))
        self.seconds.append(seconds)


class Bench:
    """Everything of this room between a delivery and its outcome."""

    def __init__(self) -> None:
        self.manager = FakeManager("s1")
        self.publisher = MemoryPublisher(
            queues={TOPOLOGY.control_queue, TOPOLOGY.sessions_queue, "gateway.session.s1", "gateway.worker.w1"}
        )
        self.worker = FakeWorker()
        self.receiver = FakeReceiver()
        self.ledger = MemoryLedger()
        self.declared: list[SessionId] = []
        self.noted = Noted()
        desk = Desk(
            publisher=self.publisher,
            speaker=Speaker(namespace="gateway", worker_id=WorkerId("w1")),
            now=lambda: NOW,
            new_id=uuid7,
        )
        self.settler = Settler(
            desk,
            worker_id=WorkerId("w1"),
            observer=self.noted,
            patience=Patience(),
            monotonic=lambda: 0.0,
            delays=(0.0,),
        )
        self.dispatcher = Dispatcher(
            topology=TOPOLOGY,
            manager=self.manager,
            publisher=self.publisher,
            queues=self,
            once=Once(self.ledger, wait_seconds=0.4),
            handlers=Handlers(self.manager, self.worker, replay).table(),
            now=lambda: NOW,
        )

    async def declare(self, session_id: SessionId) -> None:
        self.declared.append(session_id)
        self.publisher.queues.add(TOPOLOGY.session_queue_name(session_id))

    async def settle(self, body: bytes, *, queue: str = "gateway.control", **more: Any) -> Delivery:
        delivery = delivery_of(body, queue=queue, receiver=self.receiver, reply_to=more.pop("reply_to", "me"), **more)
        await self.settler.settle(delivery, self.dispatcher.receive)
        return delivery

    @property
    def reply(self) -> dict[str, Any]:
        """The one reply."""
        ((_, _, envelope),) = self.publisher.replies
        return {"type": envelope.type, **envelope.data}

    @property
    def codes(self) -> list[str]:
        return [envelope.data["code"] for _, _, envelope in self.publisher.replies]


@pytest.fixture
def bench() -> Bench:
    return Bench()


DESCRIBE = body_of("session.describe.v1", "s1", {})
RESTART = body_of("session.restart.v1", "s1", {}, command_id="r1")
CREATE = {"sessionId": "s9", "userId": "u", "pairing": {"method": "qr"}}

POISON: dict[str, bytes] = {
    "no JSON": b"hello",
    "nothing": b"",
    "not UTF-8": b"\xff\xfe{}",
    "an array": b"[]",
    "no envelope": b"{}",
    "an unknown type": body_of("message.fly.v1", "s1", {}),
    "an unknown key": body_of("session.describe.v1", "s1", {"sessoinId": "s1"}),
    "no subject": body_of("session.describe.v1", None, {}),
    "a key twice": b'{"id":"1","id":"2"}',
    "a body of 2 MiB and a byte": b"x" * (MAX_COMMAND_BYTES + 1),
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
async def test_poison_is_buried_with_its_reason_answered_and_acked(bench: Bench, body: bytes) -> None:
    await bench.settle(body)
    ((message, headers),) = bench.publisher.buried
    assert headers["x-gateway-code"] == "command.invalid"
    assert headers["x-gateway-routing-key"] == "somewhere"
    assert headers["x-gateway-worker"] == "w1"
    assert len(message.body) <= MAX_COMMAND_BYTES
    assert bench.codes == ["command.invalid"]
    assert bench.receiver.acked == [1]


async def test_an_unreadable_command_is_named_by_its_amqp_message_id(bench: Bench) -> None:
    await bench.settle(b"hello", message_id="amqp-7")
    ((_, _, envelope),) = bench.publisher.replies
    assert envelope.causationid == "amqp-7"
    assert "commandId" not in envelope.data


async def test_a_rejection_nobody_waits_for_is_an_event(bench: Bench) -> None:
    await bench.settle(body_of("session.describe.v1", "nobody", {}), reply_to=None)
    (event,) = bench.publisher.events
    assert (event.type, event.subject, event.data["code"]) == ("command.rejected.v1", "nobody", "session.not_found")
    assert bench.publisher.replies == []


async def test_an_answer_nobody_waits_for_is_not_told(bench: Bench) -> None:
    await bench.settle(RESTART, reply_to=None)
    assert (bench.publisher.events, bench.publisher.replies) == ([], [])
    assert bench.receiver.acked == [1]


async def test_a_compressed_body_is_invalid(bench: Bench) -> None:
    await bench.settle(gzip.compress(DESCRIBE), content_encoding="gzip")
    assert bench.codes == ["command.invalid"]


async def test_the_content_type_does_not_matter(bench: Bench) -> None:
    await bench.settle(DESCRIBE, content_type="text/plain", content_encoding="utf-8")
    assert bench.reply["type"] == "command.result.v1"


async def test_a_query_is_answered_with_its_result(bench: Bench) -> None:
    await bench.settle(DESCRIBE, correlation_id="c-1")
    ((reply_to, correlation_id, envelope),) = bench.publisher.replies
    assert (reply_to, correlation_id) == ("me", "c-1")
    assert envelope.data["result"]["state"] == "connected"
    assert envelope.source == "/gateway/workers/w1"
    assert envelope.correlationid == "c-1"
    assert bench.noted.outcomes == [("session.describe.v1", "result")]


async def test_the_envelopes_correlation_id_stands_in_for_amqps(bench: Bench) -> None:
    await bench.settle(body_of("session.describe.v1", "s1", {}, correlationid="order-77"))
    ((_, correlation_id, envelope),) = bench.publisher.replies
    assert (correlation_id, envelope.correlationid) == ("order-77", "order-77")


async def test_a_refused_command_is_answered_and_not_buried(bench: Bench) -> None:
    await bench.settle(body_of("session.describe.v1", "nobody", {}))
    assert bench.codes == ["session.not_found"]
    assert bench.publisher.buried == []
    assert bench.receiver.acked == [1]


async def test_passing_trouble_holds_the_delivery_until_it_is_over(bench: Bench) -> None:
    bench.manager.failures["describe"] = [StoreUnavailable() for _ in range(3)]
    await bench.settle(DESCRIBE)
    assert bench.reply["type"] == "command.result.v1"
    assert len(bench.manager.asked) == 4


async def test_an_unexpected_failure_is_tried_again(bench: Bench) -> None:
    bench.manager.failures["describe"] = [ZeroDivisionError()]
    await bench.settle(DESCRIBE)
    assert bench.reply["type"] == "command.result.v1"


async def test_an_unexpected_failure_that_stays_is_buried_as_internal(bench: Bench) -> None:
    bench.manager.failures["describe"] = [ZeroDivisionError("a secret") for _ in range(ATTEMPTS)]
    await bench.settle(DESCRIBE)
    ((_, headers),) = bench.publisher.buried
    assert headers["x-gateway-code"] == "internal"
    assert bench.codes == ["internal"]
    assert "secret" not in json.dumps(bench.reply)
    assert bench.receiver.acked == [1]


async def test_our_own_fault_is_buried(bench: Bench) -> None:
    bench.manager.failures["describe"] = [Internal()]
    await bench.settle(DESCRIBE)
    assert len(bench.publisher.buried) == 1


async def test_a_cancelled_delivery_is_left_alone(bench: Bench) -> None:
    bench.manager.may_go_on.clear()
    task = asyncio.create_task(bench.settle(DESCRIBE))
    await bench.manager.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (bench.receiver.acked, bench.publisher.replies, bench.publisher.buried) == ([], [], [])


async def test_a_delivery_whose_connection_is_lost_is_left_to_its_next_arrival(bench: Bench) -> None:
    bench.manager.may_go_on.clear()
    task = asyncio.create_task(bench.settle(DESCRIBE))
    await bench.manager.started.wait()
    bench.receiver.is_open = False
    bench.manager.may_go_on.set()
    await task
    assert (bench.receiver.acked, bench.publisher.replies) == ([], [])


# --- doors ---


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
async def test_a_command_at_the_wrong_door_is_moved(
    bench: Bench, body: bytes, arrives_at: str, belongs_to: str
) -> None:
    await bench.settle(body, queue=arrives_at, correlation_id="c", expiration="60000", headers={"mine": "yes"})
    ((queue, message),) = bench.publisher.forwarded
    assert queue == belongs_to
    assert (message.body, message.reply_to, message.correlation_id) == (body, "me", "c")
    assert (message.expiration, message.headers) == ("60000", {"mine": "yes", FORWARDED: 1})
    assert bench.receiver.acked == [1]
    assert bench.publisher.replies == []


async def test_a_command_is_not_moved_for_ever(bench: Bench) -> None:
    await bench.settle(DESCRIBE, queue="gateway.unroutable", headers={FORWARDED: 3})
    assert bench.publisher.forwarded == []
    assert bench.codes == ["internal"]


async def test_a_command_for_an_unknown_session_is_answered(bench: Bench) -> None:
    await bench.settle(text_message("nobody"), queue="gateway.unroutable")
    assert bench.codes == ["session.not_found"]


async def test_a_command_for_an_unknown_worker_is_answered(bench: Bench) -> None:
    await bench.settle(body_of("worker.describe.v1", "w7", {}), queue="gateway.unroutable")
    assert bench.codes == ["worker.not_found"]


async def test_a_known_session_without_a_queue_gets_one(bench: Bench) -> None:
    bench.publisher.queues.discard("gateway.session.s1")
    await bench.settle(text_message("s1"), queue="gateway.unroutable")
    assert bench.declared == ["s1"]
    assert [queue for queue, _ in bench.publisher.forwarded] == ["gateway.session.s1"]


async def test_a_worker_is_described_at_its_own_door(bench: Bench) -> None:
    await bench.settle(body_of("worker.describe.v1", "w1", {}), queue="gateway.worker.w1")
    assert bench.reply["result"]["workerId"] == "w1"


async def test_a_worker_is_drained_at_its_own_door(bench: Bench) -> None:
    await bench.settle(body_of("worker.drain.v1", "w1", {}), queue="gateway.worker.w1")
    assert bench.reply["type"] == "command.accepted.v1"
    assert bench.worker.drained


async def test_an_order_to_move_is_accepted_wherever_the_session_lives(bench: Bench) -> None:
    await bench.settle(body_of("session.migrate.v1", "s1", {}))
    assert bench.reply["type"] == "command.accepted.v1"
    assert bench.manager.asked == [("migrate", "s1")]


# --- time ---


EARLIER = (NOW - timedelta(seconds=1)).isoformat()
LATER = (NOW + timedelta(seconds=60)).isoformat()


@pytest.mark.parametrize("command_type", ["session.describe.v1", "session.restart.v1"])
async def test_an_expired_command_is_not_started(bench: Bench, command_type: str) -> None:
    await bench.settle(body_of(command_type, "s1", {}, expiresat=EARLIER))
    assert bench.codes == ["command.expired"]
    assert bench.manager.asked == []


async def test_a_command_that_has_time_is_started(bench: Bench) -> None:
    await bench.settle(body_of("session.restart.v1", "s1", {}, expiresat=LATER))
    assert bench.manager.asked == [("restart", "s1")]


async def test_amqps_expiration_counts_from_the_arrival(bench: Bench) -> None:
    session = bench.manager.sessions[SessionId("s1")]
    seen: list[object] = []
    original = session.send

    async def send(command: Any, accepted: Any) -> None:
        seen.append(command.expires_at)
        await original(command, accepted)

    session.send = send
    await bench.settle(text_message("s1", expiresat=LATER), queue="gateway.session.s1", expiration="1500")
    assert seen == [NOW + timedelta(seconds=1.5)]


@pytest.mark.parametrize(
    ("reason", "accepted_earlier", "codes", "buried"),
    [
        ("expired", False, ["command.expired"], 0),
        ("expired", True, [], 0),
        ("delivery_limit", False, ["internal"], 1),
    ],
)
async def test_what_ran_out_in_the_queue_is_told_once(
    bench: Bench, *, reason: str, accepted_earlier: bool, codes: list[str], buried: int
) -> None:
    if accepted_earlier:
        bench.manager.accepted_earlier.add("m1")
    delivery = delivery_of(
        text_message("s1", command_id="m1"),
        queue="gateway.expired",
        receiver=bench.receiver,
        reply_to="me",
        headers={"x-first-death-reason": reason},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    assert bench.codes == codes
    assert len(bench.publisher.buried) == buried
    assert bench.receiver.acked == [1]


async def test_a_crash_between_burying_and_the_ack_buries_it_again_under_the_same_id(bench: Bench) -> None:
    bury = bench.publisher.bury

    async def bury_and_lose(message: Outgoing, headers: Mapping[str, FieldValue]) -> None:
        await bury(message, headers)
        bench.receiver.is_open = False  # the connection ends here

    bench.publisher.bury = bury_and_lose
    await bench.settle(b"no command")
    assert bench.receiver.acked == []
    assert bench.publisher.replies == []
    bench.publisher.bury, bench.receiver.is_open = bury, True
    await bench.settle(b"no command", redelivered=True)
    assert [message.message_id for message, _ in bench.publisher.buried] == ["amqp-1", "amqp-1"]
    assert bench.codes == ["command.invalid"]
    assert bench.receiver.acked == [1]


async def test_an_expiration_does_not_follow_a_command_into_the_dead_queue(bench: Bench) -> None:
    await bench.settle(b"no command", expiration="5000")
    ((message, headers),) = bench.publisher.buried
    assert message.expiration is None
    assert headers["x-gateway-expiration"] == "5000"


async def test_what_the_broker_took_out_is_buried_with_where_it_was_published(bench: Bench) -> None:
    delivery = delivery_of(
        RESTART,
        queue="gateway.expired",
        exchange="gateway.expired",
        routing_key="control.s1",
        headers={"x-first-death-reason": "delivery_limit", "x-first-death-exchange": "gateway.commands"},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    ((_, headers),) = bench.publisher.buried
    assert (headers["x-gateway-exchange"], headers["x-gateway-routing-key"]) == ("gateway.commands", "control.s1")


@pytest.mark.parametrize(("full", "detail"), [(True, {"reason": "fleet.full"}), (False, None)])
async def test_a_create_that_ran_out_in_the_door_of_a_full_fleet_is_told_why(
    bench: Bench, *, full: bool, detail: dict[str, str] | None
) -> None:
    bench.manager.full = full
    delivery = delivery_of(
        body_of("session.create.v1", "s9", CREATE),
        queue="gateway.expired",
        receiver=bench.receiver,
        reply_to="me",
        headers={"x-first-death-reason": "expired"},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    assert (bench.reply["code"], bench.reply.get("detail")) == ("command.expired", detail)


# --- once ---


async def test_a_duplicate_gets_the_same_answer_at_its_own_queue(bench: Bench) -> None:
    await bench.settle(RESTART, reply_to="first")
    await bench.settle(RESTART, reply_to="second")
    (_, _, first), (to, _, second) = bench.publisher.replies
    assert to == "second"
    assert (first.type, first.data) == (second.type, second.data)
    assert bench.manager.asked == [("restart", "s1")]


async def test_a_duplicate_waits_for_the_first(bench: Bench) -> None:
    bench.manager.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.settle(RESTART, reply_to="first"))
        await bench.manager.started.wait()
        second = group.create_task(bench.settle(RESTART, reply_to="second"))
        await asyncio.sleep(0)
        assert not second.done()
        bench.manager.may_go_on.set()
    assert [to for to, _, _ in bench.publisher.replies] == ["first", "second"]
    assert bench.manager.asked == [("restart", "s1")]


@pytest.mark.parametrize("in_progress", [True, False])
async def test_another_body_under_the_same_key_is_a_conflict(bench: Bench, *, in_progress: bool) -> None:
    other = body_of("session.restart.v1", "s2", {}, command_id="r1")
    if in_progress:
        bench.manager.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.settle(RESTART))
        await bench.manager.started.wait()
        await bench.settle(other, reply_to="other")
        bench.manager.may_go_on.set()
    assert {to: envelope.data.get("code") for to, _, envelope in bench.publisher.replies} == {
        "me": None,
        "other": "command.conflict",
    }


async def test_a_rejection_is_the_same_when_repeated(bench: Bench) -> None:
    body = body_of("message.read.v1", "s1", {"chat": "+15550001111", "messageIds": ["3EB0AA"]}, command_id="x")
    await bench.settle(body, queue="gateway.session.s1")
    await bench.settle(body, queue="gateway.session.s1")
    assert bench.codes == ["message.not_found", "message.not_found"]
    assert len(bench.ledger.rows) == 1


async def test_not_now_is_no_lasting_answer(bench: Bench) -> None:
    bench.manager.failures["restart"] = [SessionNotConnected()]
    await bench.settle(RESTART)
    await bench.settle(RESTART)
    assert [envelope.type for _, _, envelope in bench.publisher.replies] == [
        "command.rejected.v1",
        "command.accepted.v1",
    ]


@pytest.mark.parametrize("redelivered", [True, False])
async def test_a_command_that_a_crash_interrupted_is_carried_out(bench: Bench, *, redelivered: bool) -> None:
    bench.manager.failures["restart"] = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await bench.settle(RESTART)
    await bench.settle(RESTART, redelivered=redelivered)
    assert bench.manager.asked == [("restart", "s1"), ("restart", "s1")]
    assert bench.reply["type"] == "command.accepted.v1"


async def test_a_rejection_of_old_is_no_answer_to_a_redriven_command(bench: Bench) -> None:
    bench.manager.failures["restart"] = [SessionNotFound()]
    await bench.settle(RESTART)
    await bench.settle(RESTART)
    assert bench.codes == ["session.not_found", "session.not_found"]
    await bench.settle(RESTART, headers={REDRIVEN: 1}, reply_to="person")
    assert bench.publisher.replies[-1][2].type == "command.accepted.v1"
    await bench.settle(RESTART, headers={REDRIVEN: 1}, reply_to="person")
    assert bench.manager.asked == [("restart", "s1")] * 2, "it has succeeded: that is the answer from now on"


async def test_a_create_that_found_no_room_waits_for_some(bench: Bench) -> None:
    bench.manager.failures["create"] = [FleetFull()]
    await bench.settle(body_of("session.create.v1", "s9", CREATE), queue="gateway.sessions")
    assert bench.reply["type"] == "command.accepted.v1"


# --- messages ---


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
        await accepted(derive_message_id(command.key.source, command.id))
        raise ZeroDivisionError

    bench.manager.sessions[SessionId("s1")].send = send
    bench.manager.accepted_earlier.add("m1")
    await bench.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    assert bench.reply["type"] == "command.accepted.v1"
    assert bench.manager.failed == [("m1", "internal")]
    assert len(bench.publisher.buried) == 1
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
