"""What a command is found by afterwards: the ids in its log lines, its span, and the trace its answers lie in."""

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from schemas.errors import Internal
from tests.support.consumers.consuming_harness import Harness
from tests.support.consumers.fakes import body_of, text_message
from tests.support.consumers.spans import TRACEPARENT, noted_spans

THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("envelope", "amqp", "logged"),
    [
        ({"correlationid": "order-77"}, None, {"correlation_id": "order-77"}),
        ({}, "c-1", {"correlation_id": "c-1"}),
        ({"correlationid": "order-77"}, "c-1", {"correlation_id": "order-77"}),
        ({}, None, {}),
    ],
    ids=["the envelope's", "AMQP's", "the envelope's before AMQP's", "none"],
)
async def test_what_is_logged_of_a_command_has_its_ids(
    harness: Harness, envelope: dict[str, Any], amqp: str | None, logged: dict[str, str]
) -> None:
    harness.manager.failures["describe"] = [Internal()]
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await harness.settle(body_of("session.describe.v1", "s1", {}, command_id="d1", **envelope), correlation_id=amqp)
    assert [line["event"] for line in lines] == ["command.received", "command.buried", "command.settled"]
    expected = {"command_id": "d1", "command_type": "session.describe.v1", **logged}
    names = {"command_id", "command_type", "correlation_id"}
    assert [{name: line[name] for name in names & line.keys()} for line in lines] == [expected] * 3


async def test_the_ids_of_one_command_are_not_those_of_the_next_line(harness: Harness) -> None:
    await harness.settle(body_of("session.describe.v1", "s1", {}), correlation_id="c-1")
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize(
    ("subject", "failure"), [("s1", None), ("nobody", "session.not_found")], ids=["answered", "refused"]
)
async def test_the_span_of_a_command_says_whether_it_was_refused(
    harness: Harness, subject: str, failure: str | None
) -> None:
    with noted_spans() as spans:
        await harness.settle(body_of("session.describe.v1", subject, {}, command_id="d1"), correlation_id="c-1")
    (span,) = spans
    assert (span.name, span.failure) == ("process gateway.commands", failure)
    assert span.attributes["messaging.message.id"] == "d1"
    assert span.attributes["messaging.message.conversation_id"] == "c-1"


async def test_a_command_that_is_moved_to_its_queue_has_not_failed(harness: Harness) -> None:
    with noted_spans() as spans:
        await harness.settle(text_message("s1"), queue="gateway.control", routing_key="session.s1")
    ((queue, _),) = harness.publisher.forwarded
    (span,) = spans
    assert (queue, span.failure) == ("gateway.session.s1", None)
    assert harness.noted.outcomes == [("message.send.v1", "forwarded")]


@pytest.mark.parametrize(
    ("began", "carried"), [({}, TRACEPARENT), ({"traceparent": THEIRS}, THEIRS)], ids=["ours", "its sender's"]
)
async def test_the_answer_to_a_command_lies_in_one_trace_with_it(
    harness: Harness, began: dict[str, str], carried: str
) -> None:
    with noted_spans() as spans:
        await harness.settle(body_of("session.describe.v1", "s1", {}, **began))
    ((_, _, envelope),) = harness.publisher.replies
    assert envelope.carried["traceparent"] == carried
    (span,) = spans
    assert span.parent == began
