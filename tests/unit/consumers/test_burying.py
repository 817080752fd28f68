"""What lies in the dead queue of a command: its body, its key, its reasons."""

import pytest

from schemas.names import MAX_COMMAND_BYTES
from tests.support.consumers.consuming_harness import Harness

TRUNCATED = "x-gateway-truncated-from"
RECOGNISABLE_BYTES = 4_096


@pytest.mark.parametrize("size", [RECOGNISABLE_BYTES + 1, MAX_COMMAND_BYTES], ids=["some", "the most there may be"])
async def test_a_command_is_buried_whole(harness: Harness, size: int) -> None:
    body = b"x" * size
    await harness.settle(body)
    ((message, headers),) = harness.publisher.dead_letters
    assert message.body == body
    assert TRUNCATED not in headers


async def test_of_one_that_is_too_large_its_beginning_is_buried_and_its_size(harness: Harness) -> None:
    body = b"the beginning".ljust(RECOGNISABLE_BYTES, b".") + b"x" * MAX_COMMAND_BYTES
    await harness.settle(body)
    ((message, headers),) = harness.publisher.dead_letters
    assert message.body == body[:RECOGNISABLE_BYTES]
    assert headers[TRUNCATED] == RECOGNISABLE_BYTES + MAX_COMMAND_BYTES
    assert harness.codes == ["command.invalid"]


@pytest.mark.parametrize(
    ("exchange", "queue", "came_with", "lies_with"),
    [
        ("gateway.commands", "gateway.control", "control.s1", "control.s1"),
        ("", "gateway.session.s1", "gateway.session.s1", "session.s1"),
        ("", "gateway.sessions", "gateway.sessions", "sessions.create"),
        ("gateway.expired", "gateway.expired", "gateway.session.s1", "session.s1"),
        ("gateway.expired", "gateway.expired", "session.s1", "session.s1"),
    ],
)
async def test_it_lies_with_the_key_it_may_be_redriven_with(
    harness: Harness, exchange: str, queue: str, came_with: str, lies_with: str
) -> None:
    """Not with the name of a queue, which is no key of the exchange of commands; that stands in its headers."""
    await harness.settle(b"no command", exchange=exchange, queue=queue, routing_key=came_with)
    ((message, headers),) = harness.publisher.dead_letters
    assert message.routing_key == lies_with
    assert headers["x-gateway-routing-key"] == came_with
