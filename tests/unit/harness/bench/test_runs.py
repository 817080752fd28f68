from tests.bench.comparison import compared, regressions
from tests.bench.measure import Latency
from tests.bench.runs import Run, median, ratio, turns


def a_run(rate: float = 100.0, worker: float = 1.0, p50: float = 10.0) -> Run:
    return Run(
        messages=10,
        rate=rate,
        latency=Latency(p50, 20.0, 30.0),
        cpu={"worker": worker, "bridges": 1.0, "simulator": 9.0},
    )


def test_two_builds_take_turns_so_that_drift_meets_both_alike() -> None:
    assert "".join(turns(("A", "B"), 4)) == "ABBAABBA"


def test_of_each_figure_its_median_counts() -> None:
    found = median([a_run(90, worker=3), a_run(100, worker=1), a_run(300, worker=2, p50=40)])
    assert (found.rate, found.cpu["worker"], found.latency.p50) == (100, 2, 10)


def test_the_simulator_and_the_backend_are_not_ours() -> None:
    [found] = compared({"32": [a_run()]}, {"32": [a_run(worker=2)]})
    assert found.cpu == 1.5


def test_a_build_as_fast_is_no_regression() -> None:
    assert regressions(compared({"32": [a_run(100)]}, {"32": [a_run(95.1, worker=1.09)]})) == []


def test_a_slower_and_a_dearer_build_are_told_with_their_load() -> None:
    base, this = {"32": [a_run(100)], "1": [a_run()]}, {"32": [a_run(94)], "1": [a_run(worker=1.2)]}
    slower, dearer = regressions(compared(base, this))
    assert slower == "32: throughput 0.94 of the base's, 0.95 allowed"
    assert dearer == "1: CPU per message 1.10 of the base's, 1.05 allowed"


def test_nothing_to_divide_by_is_no_good_ratio() -> None:
    assert ratio(1, 0) == float("inf")
