import pytest

from tests.bench.conditions import FOREIGN, STEAL, Conditions, Ticks, between


def found(*, busy: float = 10.0, own: float = 10.0, steal: float = 0.0) -> Conditions:
    """Of ten seconds on two cores."""
    before = Ticks(at=5.0, busy=100.0, steal=1.0, own=50.0)
    after = Ticks(at=15.0, busy=100.0 + busy, steal=1.0 + steal, own=50.0 + own)
    return between(before, after, cores=2, loads=(0.5, 1.5))


def test_what_only_we_used_disturbs_nothing() -> None:
    assert not found().disturbed
    assert str(found()) == "2 cores, load 0.5 before and 1.5 after, steal 0.0%, CPU of others 0.0%"


@pytest.mark.parametrize("disturbed", [found(busy=10 + 20 * FOREIGN * 1.1), found(steal=20 * STEAL * 1.1)])
def test_cpu_of_others_and_stolen_time_disturb(disturbed: Conditions) -> None:
    assert disturbed.disturbed
    assert str(disturbed).endswith("disturbed")
    assert disturbed.noise > found().noise


def test_clocks_that_differ_by_a_tick_are_no_negative_share() -> None:
    assert found(busy=9.9, own=10.0).foreign == 0.0
