"""A delivery gets its one outcome: dead-lettered, refused, answered, tried again, left alone."""

import asyncio
import gzip
from typing import Any

import pytest

from schemas.errors import Internal
from schemas.names import MAX_COMMAND_BYTES
from tests.support.consumers.consuming_harness import DESCRIBE, RESTART, Harness
from tests.support.consumers.fakes import body_of

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
async def test_poison_is_buried_with_its_reason_answered_and_acked(harness: Harness, body: bytes) -> None:
    await harness.settle(body)
    ((message, headers),) = harness.publisher.dead_letters
    assert headers["x-gateway-code"] == "command.invalid"
    assert headers["x-gateway-routing-key"] == "control"
    assert headers["x-gateway-worker"] == "w1"
    assert len(message.body) <= MAX_COMMAND_BYTES
    assert harness.codes == ["command.invalid"]
    assert harness.receiver.acked == [1]


async def test_an_unreadable_command_is_named_by_its_amqp_message_id(harness: Harness) -> None:
    await harness.settle(b"hello", message_id="amqp-7")
    ((_, _, envelope),) = harness.publisher.replies
    assert envelope.causationid == "amqp-7"
    assert "commandId" not in envelope.data


async def test_a_rejection_nobody_waits_for_is_an_event(harness: Harness) -> None:
    await harness.settle(body_of("session.describe.v1", "nobody", {}), reply_to=None)
    (event,) = harness.publisher.events
    assert (event.type, event.subject, event.data["code"]) == ("command.rejected.v1", "nobody", "session.not_found")
    assert harness.publisher.replies == []


async def test_an_answer_nobody_waits_for_is_not_told(harness: Harness) -> None:
    await harness.settle(RESTART, reply_to=None)
    assert (harness.publisher.events, harness.publisher.replies) == ([], [])
    assert harness.receiver.acked == [1]


async def test_a_compressed_body_is_invalid(harness: Harness) -> None:
    await harness.settle(gzip.compress(DESCRIBE), content_encoding="gzip")
    assert harness.codes == ["command.invalid"]


async def test_the_content_type_does_not_matter(harness: Harness) -> None:
    await harness.settle(DESCRIBE, content_type="text/plain", content_encoding="utf-8")
    assert harness.reply["type"] == "command.result.v1"


async def test_a_query_is_answered_with_its_result(harness: Harness) -> None:
    await harness.settle(DESCRIBE, correlation_id="c-1")
    ((reply_to, correlation_id, envelope),) = harness.publisher.replies
    assert (reply_to, correlation_id) == ("me", "c-1")
    assert envelope.data["result"]["state"] == "connected"
    assert envelope.source == "/gateway/workers/w1"
    assert envelope.correlationid == "c-1"
    assert harness.noted.outcomes == [("session.describe.v1", "result")]


async def test_the_envelopes_correlation_id_stands_in_for_amqps(harness: Harness) -> None:
    await harness.settle(body_of("session.describe.v1", "s1", {}, correlationid="order-77"))
    ((_, correlation_id, envelope),) = harness.publisher.replies
    assert (correlation_id, envelope.correlationid) == ("order-77", "order-77")


CARRIED: dict[str, Any] = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "vendor=1",
    "tenant": "acme",
    "hops": 3,
    "sampled": True,
}


@pytest.mark.parametrize(
    ("command", "subject", "data"),
    [
        ("session.describe.v1", "s1", {}),
        ("session.restart.v1", "s1", {}),
        ("session.describe.v1", "nobody", {}),
        ("session.describe.v1", "s1", {"unknown": 1}),
    ],
    ids=["result", "accepted", "rejected", "invalid"],
)
async def test_trace_context_and_extensions_of_a_command_come_back_with_its_reply(
    harness: Harness, command: str, subject: str, data: dict[str, Any]
) -> None:
    await harness.settle(body_of(command, subject, data, **CARRIED))
    ((_, _, envelope),) = harness.publisher.replies
    assert dict(envelope.carried) == CARRIED


async def test_what_is_wrong_with_extensions_does_not_come_back(harness: Harness) -> None:
    await harness.settle(
        body_of("session.describe.v1", "s1", {}, tenant="acme", Wrong=1, list=[1], traceparent="x" * 300)
    )
    ((_, _, envelope),) = harness.publisher.replies
    assert (envelope.type, dict(envelope.carried)) == ("command.rejected.v1", {"tenant": "acme"})


async def test_a_refused_command_is_answered_and_not_buried(harness: Harness) -> None:
    await harness.settle(body_of("session.describe.v1", "nobody", {}))
    assert harness.codes == ["session.not_found"]
    assert harness.publisher.dead_letters == []
    assert harness.receiver.acked == [1]


async def test_our_own_fault_is_buried(harness: Harness) -> None:
    harness.manager.failures["describe"] = [Internal()]
    await harness.settle(DESCRIBE)
    assert len(harness.publisher.dead_letters) == 1


async def test_a_cancelled_delivery_is_left_alone(harness: Harness) -> None:
    harness.manager.may_go_on.clear()
    task = asyncio.create_task(harness.settle(DESCRIBE))
    await harness.manager.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (harness.receiver.acked, harness.publisher.replies, harness.publisher.dead_letters) == ([], [], [])


async def test_a_delivery_whose_connection_is_lost_is_left_to_its_next_arrival(harness: Harness) -> None:
    harness.manager.may_go_on.clear()
    task = asyncio.create_task(harness.settle(DESCRIBE))
    await harness.manager.started.wait()
    harness.receiver.is_open = False
    harness.manager.may_go_on.set()
    await task
    assert (harness.receiver.acked, harness.publisher.replies) == ([], [])
