"""Commands that ran out of time, or were taken out by the broker."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from consumers.expired import Expired
from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing
from schemas.names import SessionId
from tests.support.consumers.consuming_bench import CREATE, RESTART, Bench
from tests.support.consumers.fakes import NOW, body_of, delivery_of, text_message

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
    ("reason", "accepted_earlier", "codes", "dead_letter"),
    [
        ("expired", False, ["command.expired"], 0),
        ("expired", True, [], 0),
        ("delivery_limit", False, ["internal"], 1),
    ],
)
async def test_what_ran_out_in_the_queue_is_told_once(
    bench: Bench, *, reason: str, accepted_earlier: bool, codes: list[str], dead_letter: int
) -> None:
    if accepted_earlier:
        bench.manager.accepted_earlier.add("m1")
    delivery = delivery_of(
        text_message("s1", command_id="m1"),
        queue="gateway.expired",
        receiver=bench.receiver,
        reply_to="me",
        exchange="gateway.expired",
        headers={"x-first-death-reason": reason, "x-first-death-exchange": "gateway.commands"},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    assert bench.codes == codes
    assert len(bench.publisher.dead_letters) == dead_letter
    assert bench.receiver.acked == [1]


async def test_a_crash_between_burying_and_the_ack_buries_it_again_under_the_same_id(bench: Bench) -> None:
    dead_letter = bench.publisher.dead_letter

    async def dead_letter_and_lose(message: Outgoing, headers: Mapping[str, HeaderValue]) -> None:
        await dead_letter(message, headers)
        bench.receiver.is_open = False  # the connection ends here

    bench.publisher.dead_letter = dead_letter_and_lose
    await bench.settle(b"no command")
    assert bench.receiver.acked == []
    assert bench.publisher.replies == []
    bench.publisher.dead_letter, bench.receiver.is_open = dead_letter, True
    await bench.settle(b"no command", redelivered=True)
    assert [message.message_id for message, _ in bench.publisher.dead_letters] == ["amqp-1", "amqp-1"]
    assert bench.codes == ["command.invalid"]
    assert bench.receiver.acked == [1]


async def test_an_expiration_does_not_follow_a_command_into_the_dead_queue(bench: Bench) -> None:
    await bench.settle(b"no command", expiration="5000")
    ((message, headers),) = bench.publisher.dead_letters
    assert message.expiration is None
    assert headers["x-gateway-expiration"] == "5000"


async def test_what_the_broker_took_out_becomes_a_dead_letter_with_where_it_was_published(bench: Bench) -> None:
    delivery = delivery_of(
        RESTART,
        queue="gateway.expired",
        exchange="gateway.expired",
        routing_key="control.s1",
        headers={"x-first-death-reason": "delivery_limit", "x-first-death-exchange": "gateway.commands"},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    ((_, headers),) = bench.publisher.dead_letters
    assert (headers["x-gateway-exchange"], headers["x-gateway-routing-key"]) == ("gateway.commands", "control.s1")


@pytest.mark.parametrize(("full", "detail"), [(True, {"reason": "fleet.full"}), (False, None)])
async def test_a_create_that_ran_out_in_the_queue_of_a_full_fleet_is_told_why(
    bench: Bench, *, full: bool, detail: dict[str, str] | None
) -> None:
    bench.manager.full = full
    delivery = delivery_of(
        body_of("session.create.v1", "s9", CREATE),
        queue="gateway.expired",
        receiver=bench.receiver,
        reply_to="me",
        exchange="gateway.expired",
        headers={"x-first-death-reason": "expired", "x-first-death-exchange": "gateway.commands"},
    )
    await bench.settler.settle(delivery, Expired(manager=bench.manager).receive)
    assert (bench.reply["code"], bench.reply.get("detail")) == ("command.expired", detail)
