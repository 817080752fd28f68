from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.conditions import Conditions
from tests.bench.report import Figure, Findings, Report, Section, at_least, at_most, below
from tests.bench.run import calmest
from tests.bench.scale import QUICK, RECORD, Scale
from tests.bench.scene import Part, Scene

CALM = Conditions(cores=2, load_before=0.1, load_after=1.2, steal=0.0, foreign=0.01)


def test_a_figure_is_reached_at_its_limit() -> None:
    assert at_least("a", "", 0.9, 0.9).reached
    assert not at_least("a", "", 0.89, 0.9).reached
    assert at_most("a", "", 1.5, 1.5).reached
    assert not below("a", 4.1, 4, "ms").reached


def test_the_report_shows_what_was_measured_wanted_and_reached_and_under_which_conditions() -> None:
    report = Report(commit="abc", how="the record")
    section = Section(title="One sender", columns=("", "messages/s"), rows=[("gateway", "322")], notes=["A note."])
    figures = [at_least("S1", "322/s", 0.53, 0.9), Figure(name="S10", measured="80 ms")]
    report.parts["senders"] = Findings(sections=[section], figures=figures, conditions=CALM)
    report.parts["files"] = Findings(failure="RuntimeError: in vain", conditions=CALM)
    text = report.markdown(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert "Measured 2026-01-02 03:04 UTC at `abc`" in text
    assert "| S1 | 322/s | 0.53 | ≥ 0.9 | **no** |" in text
    assert "| S10 | 80 ms | - | - | - |" in text
    assert "## senders\n\n### One sender\n\n|  | messages/s |\n|---|---|\n| gateway | 322 |\n\nA note.\n" in text
    assert "Not measured: RuntimeError: in vain" in text
    assert f"Conditions: {CALM}." in text


def a_scene(scale: Scale) -> Scene:
    services: object = None  # a section that measures nothing needs none
    return Scene(services=services, logs=Path(), scale=scale, say=lambda _: None)  # pyright: ignore[reportArgumentType]


def counting(calls: list[int], *, failure: bool = False) -> Part:
    async def part(_: Scene) -> Findings:
        calls.append(1)
        if failure:
            raise RuntimeError("in vain")
        return Findings()

    return part


async def test_a_quick_look_measures_once() -> None:
    calls: list[int] = []
    found = await calmest(counting(calls), a_scene(QUICK))
    assert len(calls) == 1
    assert found.conditions is not None


async def test_a_section_that_fails_is_told_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []
    found = await calmest(counting(calls, failure=True), a_scene(RECORD))
    assert (len(calls), found.failure) == (1, "RuntimeError: in vain")
    assert "in vain" in capsys.readouterr().out
