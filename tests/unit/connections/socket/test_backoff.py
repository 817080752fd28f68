"""Waits between tries."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.socket.backoff import Backoff


@given(seed=st.integers(), failures=st.integers(1, 2000))
def test_a_wait_is_never_above_the_cap_nor_below_half_of_the_first(seed: int, failures: int) -> None:
    backoff = Backoff(Random(seed), first=1, cap=60)
    waits = [backoff.failed(0) for _ in range(failures)]
    assert all(0.5 <= wait <= 60 for wait in waits)


def test_waits_double_until_the_cap() -> None:
    backoff = Backoff(Random(1), first=1, cap=60)
    for ceiling in (1, 2, 4, 8, 16, 32, 60, 60):
        assert ceiling / 2 <= backoff.failed(0) <= ceiling


def test_a_stable_connection_forgets_the_failures_before_it() -> None:
    backoff = Backoff(Random(1), first=1, cap=60, stable=5)
    waited = [backoff.failed(0) for _ in range(6)][-1]
    backoff.connected(100)
    assert backoff.failed(100 + waited) <= 1
    assert backoff.failures == 1


def test_a_connection_that_lasted_less_than_the_wait_before_it_lets_the_waits_grow_no_further() -> None:
    backoff = Backoff(Random(1), first=1, cap=60, stable=5)
    waited = [backoff.failed(0) for _ in range(5)][-1]
    for round_ in range(1, 20):
        backoff.connected(100 * round_)
        waited = backoff.failed(100 * round_ + waited - 1)
        assert 8 <= waited <= 16
        assert backoff.failures == 5


def test_a_connection_that_falls_at_once_forgets_nothing() -> None:
    backoff = Backoff(Random(1), first=1, cap=60, stable=5)
    for _ in range(6):
        backoff.failed(0)
    backoff.connected(100)
    assert backoff.failed(104.9) > 16
    young = Backoff(Random(1), first=1, cap=60, stable=5)
    young.failed(0)
    young.connected(1)
    assert young.failed(5.9) > 1


def test_two_sessions_do_not_come_back_at_the_same_moment() -> None:
    assert len({Backoff(Random(seed)).failed(0) for seed in range(100)}) == 100
