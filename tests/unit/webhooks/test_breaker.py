"""The circuit breaker: 5 outcomes, half of them failures, 30 s, one call that tries."""

import pytest

from gateway_worker.webhooks.breaker import LEAST, RESET, WINDOW, Breaker, BreakerState


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(LEAST):
        breaker.begin()
        breaker.failed(100.0)
    return breaker


@pytest.mark.parametrize(("good", "bad", "state"), [(0, 4, "closed"), (5, 4, "closed"), (5, 5, "open"), (0, 5, "open")])
def test_it_opens_when_half_of_enough_calls_failed(good: int, bad: int, state: str) -> None:
    breaker = Breaker()
    for _ in range(good):
        breaker.succeeded(100.0)
    for _ in range(bad):
        breaker.failed(100.0)
    assert breaker.state == state


def test_what_is_older_than_its_window_does_not_count() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(100.0)
    breaker.failed(100.0 + WINDOW)
    assert breaker.state is BreakerState.CLOSED


def test_an_open_one_lets_nothing_through_for_thirty_seconds_and_then_one_call() -> None:
    breaker = opened()
    assert breaker.wait(100.0) == RESET
    assert breaker.wait(110.0) == RESET - 10
    assert breaker.wait(130.0) == 0
    breaker.begin()
    assert breaker.wait(130.0) == RESET  # another call waits for the outcome of that one


def test_the_call_that_tries_closes_it_or_opens_it_again() -> None:
    breaker = opened()
    breaker.begin()
    breaker.failed(131.0)
    assert breaker.wait(131.0) == RESET
    breaker.begin()
    assert breaker.succeeded(161.0)
    assert breaker.wait(161.0) == 0
    assert not breaker.succeeded(161.0)  # it closed once


def test_a_call_that_tries_and_is_broken_off_makes_room_for_another() -> None:
    breaker = opened()
    breaker.begin()
    breaker.abandoned()
    assert breaker.wait(131.0) == 0


def test_what_was_begun_before_it_opened_says_nothing() -> None:
    breaker = opened()
    assert not breaker.succeeded(101.0)
    breaker.failed(102.0)
    assert breaker.wait(130.0) == 0
