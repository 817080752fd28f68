"""Commands that ran out of time, or were taken out by the broker."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from consumers.expired import Expired
from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing
from schemas.names import SessionId
from tests.support.consumers.consuming_harness import CREATE, RESTART, Harness
from tests.support.consumers.fakes import NOW, body_of, delivery_of, text_message

EARLIER = (NOW - timedelta(seconds=1)).isoformat()


LATER = (NOW + timedelta(seconds=60)).isoformat()


@pytest.mark.parametrize("command_type", ["session.describe.v1", "session.restart.v1"])
async def test_an_expired_command_is_not_started(harness: Harness, command_type: str) -> None:
    await harness.settle(body_of(command_type, "s1", {}, expiresat=EARLIER))
    assert harness.codes == ["command.expired"]
    assert harness.manager.asked == []


async def test_a_command_that_has_time_is_started(harness: Harness) -> None:
    await harness.settle(body_of("session.restart.v1", "s1", {}, expiresat=LATER))
    assert harness.manager.asked == [("restart", "s1")]


async def test_amqps_expiration_counts_from_the_arrival(harness: Harness) -> None:
    session = harness.manager.sessions[SessionId("s1")]
    seen: list[object] = []
    original = session.send

    async def send(command: Any, accepted: Any) -> None:
        seen.append(command.expires_at)
        await original(command, accepted)

    session.send = send
    await harness.settle(text_message("s1", expiresat=LATER), queue="gateway.session.s1", expiration="1500")
    assert seen == [NOW + timedelta(seconds=1.5)]


@pytest.mark.parametrize(
    ("reason", "accepted_earlier", "codes", "dead_letter"),
    [
        ("expired", False, ["command.expired"], 0),
        ("expired", True, [], 0),
        ("delivery_limit", False, ["internal"], 1),
    ],
)
async def test_what_ran_out_in_the_queue_is_told_once(
    harness: Harness, *, reason: str, accepted_earlier: bool, codes: list[str], dead_letter: int
) -> None:
    if accepted_earlier:
        harness.manager.accepted_earlier.add("m1")
    delivery = delivery_of(
        text_message("s1", command_id="m1"),
        queue="gateway.expired",
        receiver=harness.receiver,
        reply_to="me",
        exchange="gateway.expired",
        headers={"x-first-death-reason": reason, "x-first-death-exchange": "gateway.commands"},
    )
    await harness.settler.settle(delivery, Expired(manager=harness.manager).receive)
    assert harness.codes == codes
    assert len(harness.publisher.dead_letters) == dead_letter
    assert harness.receiver.acked == [1]


async def test_a_crash_between_burying_and_the_ack_buries_it_again_under_the_same_id(harness: Harness) -> None:
    dead_letter = harness.publisher.dead_letter

    async def dead_letter_and_lose(message: Outgoing, headers: Mapping[str, HeaderValue]) -> None:
        await dead_letter(message, headers)
        harness.receiver.is_open = False  # the connection ends here

    harness.publisher.dead_letter = dead_letter_and_lose
    await harness.settle(b"no command")
    assert harness.receiver.acked == []
    assert harness.publisher.replies == []
    harness.publisher.dead_letter, harness.receiver.is_open = dead_letter, True
    await harness.settle(b"no command", redelivered=True)
    assert [message.message_id for message, _ in harness.publisher.dead_letters] == ["amqp-1", "amqp-1"]
    assert harness.codes == ["command.invalid"]
    assert harness.receiver.acked == [1]


async def test_an_expiration_does_not_follow_a_command_into_the_dead_queue(harness: Harness) -> None:
    await harness.settle(b"no command", expiration="5000")
    ((message, headers),) = harness.publisher.dead_letters
    assert message.expiration is None
    assert headers["x-gateway-expiration"] == "5000"


async def test_what_the_broker_took_out_becomes_a_dead_letter_with_where_it_was_published(harness: Harness) -> None:
    delivery = delivery_of(
        RESTART,
        queue="gateway.expired",
        exchange="gateway.expired",
        routing_key="control.s1",
        headers={"x-first-death-reason": "delivery_limit", "x-first-death-exchange": "gateway.commands"},
    )
    await harness.settler.settle(delivery, Expired(manager=harness.manager).receive)
    ((_, headers),) = harness.publisher.dead_letters
    assert (headers["x-gateway-exchange"], headers["x-gateway-routing-key"]) == ("gateway.commands", "control.s1")


@pytest.mark.parametrize(("full", "detail"), [(True, {"reason": "fleet.full"}), (False, None)])
async def test_a_create_that_ran_out_in_the_queue_of_a_full_fleet_is_told_why(
    harness: Harness, *, full: bool, detail: dict[str, str] | None
) -> None:
    harness.manager.full = full
    delivery = delivery_of(
        body_of("session.create.v1", "s9", CREATE),
        queue="gateway.expired",
        receiver=harness.receiver,
        reply_to="me",
        exchange="gateway.expired",
        headers={"x-first-death-reason": "expired", "x-first-death-exchange": "gateway.commands"},
    )
    await harness.settler.settle(delivery, Expired(manager=harness.manager).receive)
    assert (harness.reply["code"], harness.reply.get("detail")) == ("command.expired", detail)
