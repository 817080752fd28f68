from pathlib import Path

from tests.chaos.accounts.outcome import ScenarioOutcome, not_run
from tests.chaos.report import Report, remembered


def a_report(directory: Path, seed: int = 7) -> Report:
    return Report(
        path=directory / "REPORT.md",
        memory=directory / "memory" / "outcomes.json",
        seed=seed,
        messages=10,
        rate=50,
        commit="abc",
        versions={"RabbitMQ": "3.10.8"},
        scenarios=["one", "two", "three"],
    )


def test_the_report_is_written_after_every_scenario_and_says_what_is_missing(tmp_path: Path) -> None:
    report = a_report(tmp_path)
    report.add(ScenarioOutcome(scenario="one", verdict="green", commands=10, counts={"re-sent under the same id": 2}))
    text = report.path.read_text()
    assert "1 green, 0 red, 0 not run, 2 still to come, of 3 scenarios" in text
    assert "seed 7" in text
    assert "| one | green | 10 |" in text


def test_a_scenario_that_is_not_green_says_why(tmp_path: Path) -> None:
    report = a_report(tmp_path)
    report.add(
        ScenarioOutcome(
            scenario="two", verdict="red", reasons=["1 x lost command: s command c1"], story=["0.1 s: bang"]
        )
    )
    report.add(not_run("three", "needs root"))
    text = report.path.read_text()
    assert "## two: red" in text
    assert "- 1 x lost command: s command c1" in text
    assert "- what was done: 0.1 s: bang" in text
    assert "- needs root" in text


def test_an_interrupted_run_goes_on_with_its_seed_and_its_outcomes(tmp_path: Path) -> None:
    a_report(tmp_path).add(ScenarioOutcome(scenario="one", verdict="green", recovered=1.5))
    kept = remembered(tmp_path / "memory" / "outcomes.json")
    assert kept is not None
    second = a_report(tmp_path, seed=8)
    second.go_on(kept)
    assert second.seed == 7
    assert second.outcomes["one"].recovered == 1.5


def test_nothing_is_remembered_where_nothing_ran(tmp_path: Path) -> None:
    assert remembered(tmp_path / "none.json") is None
