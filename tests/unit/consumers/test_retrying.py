"""How often a command is tried, after which pauses, and when it is given up or left to its next arrival."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from consumers.settling import ATTEMPTS
from gateway_worker.store.errors import StoreUnavailable
from schemas.errors import Internal, SessionNotFound
from schemas.names import SessionId
from tests.support.connections.virtual_time import virtual
from tests.support.consumers.consuming_harness import DESCRIBE, RESTART, Harness
from tests.support.consumers.fakes import text_message

OUTAGE = 12  # failures in a row: the pauses have long reached their longest


def away(times: int) -> list[BaseException]:
    return [StoreUnavailable() for _ in range(times)]


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 (the fake tells nobody; the time is virtual)
            await asyncio.sleep(0.001)


async def until_asked(harness: Harness, times: int) -> None:
    await until(lambda: len(harness.manager.asked) >= times)


def refuse(harness: Harness, message: str) -> None:
    """It was accepted in an earlier life, and now it cannot be sent for a fault of ours."""
    harness.manager.accepted_earlier.add(message)
    harness.manager.sessions[SessionId("s1")].failures = [ZeroDivisionError() for _ in range(ATTEMPTS)]


@virtual
async def test_a_fault_of_ours_is_tried_four_times_in_two_and_a_half_seconds(harness: Harness) -> None:
    harness.manager.failures["describe"] = [ZeroDivisionError() for _ in range(3)]
    await harness.settle(DESCRIBE)
    assert harness.manager.asked_at == pytest.approx([0.0, 0.1, 0.6, 2.6], abs=0.001)
    assert harness.reply["type"] == "command.result.v1"
    assert harness.noted.seconds == pytest.approx([2.6], abs=0.001)


@virtual
async def test_a_fault_of_ours_that_stays_is_buried_as_internal(harness: Harness) -> None:
    harness.manager.failures["describe"] = [ZeroDivisionError("a secret") for _ in range(ATTEMPTS)]
    await harness.settle(DESCRIBE)
    assert len(harness.manager.asked) == 4
    ((_, headers),) = harness.publisher.dead_letters
    assert headers["x-gateway-code"] == "internal"
    assert harness.codes == ["internal"]
    assert "secret" not in json.dumps([dict(headers), harness.reply])
    assert harness.receiver.acked == [1]


@virtual
async def test_a_delivery_is_held_while_the_store_is_away_and_tried_ever_less_often(harness: Harness) -> None:
    harness.manager.failures["describe"] = away(OUTAGE)
    await harness.settle(DESCRIBE)
    tries = harness.manager.asked_at
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    longest = [min(2.0, 0.1 * 2**number) for number in range(OUTAGE)]
    assert all(most / 2 <= pause <= most + 0.001 for pause, most in zip(pauses, longest, strict=True)), pauses
    assert harness.reply["type"] == "command.result.v1"
    assert harness.publisher.dead_letters == []


@virtual
async def test_an_outage_does_not_count_as_a_fault_of_the_command(harness: Harness) -> None:
    harness.manager.failures["describe"] = [ZeroDivisionError(), *away(ATTEMPTS), ZeroDivisionError()]
    await harness.settle(DESCRIBE)
    assert harness.reply["type"] == "command.result.v1"


@pytest.mark.parametrize("last", [None, SessionNotFound(), Internal()], ids=["done", "refused", "buried"])
@virtual
async def test_when_one_gets_through_the_others_that_are_held_go_on_at_once(
    harness: Harness, last: Exception | None
) -> None:
    """Whatever comes of that one: the store has answered."""
    harness.manager.failures["describe"] = [*away(OUTAGE), *([] if last is None else [last])]
    first = asyncio.create_task(harness.settle(DESCRIBE))
    await until_asked(harness, OUTAGE)
    harness.manager.failures["restart"] = away(1)
    second = asyncio.create_task(harness.settle(RESTART, tag=2))
    await first
    over = asyncio.get_running_loop().time()
    await second
    assert harness.manager.asked[-1] == ("restart", "s1")
    assert harness.manager.asked_at[-1] == pytest.approx(over, abs=0.001)


@virtual
async def test_after_an_outage_the_next_one_begins_with_short_pauses(harness: Harness) -> None:
    harness.manager.failures["describe"] = away(OUTAGE)
    await harness.settle(DESCRIBE)
    harness.manager.failures["restart"] = away(1)
    await harness.settle(RESTART)
    before, after = harness.manager.asked_at[-2:]
    assert after - before <= 0.101


@virtual
async def test_what_is_held_is_not_tried_again_for_a_connection_that_was_lost(harness: Harness) -> None:
    """Its next arrival, at whatever worker, is tried instead."""
    harness.manager.failures["describe"] = away(OUTAGE)
    held = asyncio.create_task(harness.settle(DESCRIBE))
    await until_asked(harness, 2)
    harness.receiver.is_open = False
    await held
    assert len(harness.manager.asked) == 2
    assert (harness.receiver.acked, harness.publisher.replies, harness.publisher.dead_letters) == ([], [], [])
    assert harness.noted.outcomes == []


@virtual
async def test_a_fault_at_the_end_of_a_lost_connection_buries_nothing(harness: Harness) -> None:
    """The next arrival of the command has all its attempts, and would be buried a second time."""
    harness.manager.failures["describe"] = [ZeroDivisionError() for _ in range(ATTEMPTS)]
    held = asyncio.create_task(harness.settle(DESCRIBE))
    await until_asked(harness, ATTEMPTS - 1)
    harness.manager.started.clear()
    harness.manager.may_go_on.clear()
    await harness.manager.started.wait()
    harness.receiver.is_open = False
    harness.manager.may_go_on.set()
    await held
    assert len(harness.manager.asked) == ATTEMPTS
    assert (harness.receiver.acked, harness.publisher.replies, harness.publisher.dead_letters) == ([], [], [])


@virtual
async def test_a_message_whose_failure_cannot_be_stored_yet_is_told_when_it_can_be(harness: Harness) -> None:
    """It was accepted: a rejection would contradict that, and silence would leave it pending for ever."""
    refuse(harness, "m1")
    harness.manager.failures["fail"] = away(OUTAGE)
    await harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1")
    assert harness.manager.failed == [("m1", "internal")]
    assert (harness.codes, harness.publisher.events) == ([], [])
    assert len(harness.publisher.dead_letters) == 1, "once, however long it takes"
    assert harness.receiver.acked == [1]
    assert asyncio.get_running_loop().time() > OUTAGE / 2, "with pauses"


@virtual
async def test_a_failure_that_is_stored_at_last_lets_the_others_go_on_at_once(harness: Harness) -> None:
    refuse(harness, "m1")
    harness.manager.failures["fail"] = away(OUTAGE)
    message = asyncio.create_task(
        harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1", tag=2)
    )
    await until(lambda: len(harness.manager.failures["fail"]) == 0)
    harness.manager.failures["restart"] = away(1)
    other = asyncio.create_task(harness.settle(RESTART))
    await message
    over = asyncio.get_running_loop().time()
    await other
    assert harness.manager.asked_at[-1] == pytest.approx(over, abs=0.001)


@virtual
async def test_a_message_whose_failure_cannot_be_stored_is_left_when_the_connection_is_lost(harness: Harness) -> None:
    refuse(harness, "m1")
    harness.manager.failures["fail"] = away(OUTAGE)
    message = asyncio.create_task(harness.settle(text_message("s1", command_id="m1"), queue="gateway.session.s1"))
    await until(lambda: len(harness.manager.failures["fail"]) < OUTAGE)
    harness.receiver.is_open = False
    await message
    assert len(harness.manager.failures["fail"]) == OUTAGE - 1, "not asked again"
    assert (harness.manager.failed, harness.codes, harness.receiver.acked) == ([], [], [])
