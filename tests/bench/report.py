"""The benchmark's findings: tables for the terminal, Markdown for the record."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.conditions import Conditions

_FIGURES = ("figure", "measured", "ratio", "wanted", "reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something the project wants to reach. `ratio`: to what was measured beside it; `reached` None: nothing wanted."""

    name: str
    measured: str
    ratio: float | None = None
    wanted: str = ""
    reached: bool | None = None


def at_least(name: str, measured: str, ratio: float, limit: float) -> Figure:
    """A ratio that has to be as large as that."""
    return Figure(name=name, measured=measured, ratio=ratio, wanted=f"≥ {limit:g}", reached=ratio >= limit)


def at_most(name: str, measured: str, ratio: float, limit: float) -> Figure:
    """A ratio that may not be larger."""
    return Figure(name=name, measured=measured, ratio=ratio, wanted=f"≤ {limit:g}", reached=ratio <= limit)


def below(name: str, value: float, limit: float, unit: str) -> Figure:
    """A figure of its own that may not be larger, with its unit."""
    return Figure(name=name, measured=f"{value:.1f} {unit}", wanted=f"≤ {limit:g} {unit}", reached=value <= limit)


@dataclass(slots=True, kw_only=True)
class Section:
    """One table and the words under it."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    notes: list[str] = field(default_factory=list[str])


@dataclass(slots=True, kw_only=True)
class Findings:
    """What one part of the benchmark found; `failure`: why it found nothing."""

    sections: list[Section] = field(default_factory=list[Section])
    figures: list[Figure] = field(default_factory=list[Figure])
    conditions: Conditions | None = None
    failure: str = ""


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that one run found, by the name of its part. `how`: its scale, and what is to be known of it."""

    commit: str
    how: str
    parts: dict[str, Findings] = field(default_factory=dict[str, Findings])

    def machine(self) -> str:
        """What it was measured on."""
        memory = psutil.virtual_memory().total / 2**30
        return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"

    def print(self, console: Console) -> None:
        """Show the tables."""
        for name, found in self.parts.items():
            console.rule(name)
            for section in found.sections:
                table = Table(*section.columns, title=section.title, title_justify="left")
                for row in section.rows:
                    table.add_row(*row)
                console.print(table)
            for words in _words(found):
                console.print(f"  {words}", style="dim")
        table = Table(*_FIGURES, title="what it must reach", title_justify="left")
        for figure in self._figures():
            marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}
            table.add_row(*_cells(figure), marks[figure.reached])
        console.print(table)

    def write(self, path: Path) -> None:
        """Write it as Markdown."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown(datetime.now(UTC)))

    def markdown(self, when: datetime) -> str:
        """The whole of it."""
        words = {True: "yes", False: "**no**", None: "-"}
        figures = [(*_cells(figure), words[figure.reached]) for figure in self._figures()]
        lines = [
            "# Benchmark",
            "",
            f"Measured {when:%Y-%m-%d %H:%M} UTC at `{self.commit}` on {self.machine()} by `make bench` ({self.how}).",
            "An absolute figure is no target: each is a ratio to what ran beside it, or what a person waits for.",
            "",
            "## What it must reach",
            "",
            *_markdown(_FIGURES, figures),
        ]
        for name, found in self.parts.items():
            lines += ["", f"## {name}"]
            for section in found.sections:
                lines += ["", f"### {section.title}", "", *_markdown(section.columns, section.rows)]
            lines += [f"\n{words}" for words in _words(found)]
        return "\n".join(lines) + "\n"

    def _figures(self) -> list[Figure]:
        return [figure for found in self.parts.values() for figure in found.figures]


def _words(found: Findings) -> list[str]:
    words = [note for section in found.sections for note in section.notes]
    words += [f"Not measured: {found.failure}"] if found.failure else []
    words += [f"Conditions: {found.conditions}."] if found.conditions else []
    return words


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
    return figure.name, figure.measured, ratio, figure.wanted or "-"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
