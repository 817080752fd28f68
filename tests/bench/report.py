"""The benchmark's findings: tables for the terminal, Markdown for the record."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something the project promised to reach, and what was measured."""

    name: str
    wanted: str
    measured: str
    reached: bool


@dataclass(slots=True, kw_only=True)
class Section:
    """One table and the words under it."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    notes: list[str] = field(default_factory=list[str])


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that one run found."""

    commit: str
    sections: list[Section] = field(default_factory=list[Section])
    targets: list[Target] = field(default_factory=list[Target])

    def machine(self) -> str:
        """What it was measured on."""
        memory = psutil.virtual_memory().total / 2**30
        return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"

    def print(self, console: Console) -> None:
        """Show the tables."""
        for section in self.sections:
            table = Table(*section.columns, title=section.title, title_justify="left")
            for row in section.rows:
                table.add_row(*row)
            console.print(table)
            for note in section.notes:
                console.print(f"  {note}", style="dim")
        table = Table("target", "wanted", "measured", "", title="what it must reach", title_justify="left")
        for target in self.targets:
            table.add_row(target.name, target.wanted, target.measured, "[green]✓[/]" if target.reached else "[red]✗[/]")
        console.print(table)

    def write(self, path: Path) -> None:
        """Write it as Markdown."""
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines = ["# Benchmark", "", f"Measured {when} at `{self.commit}` on {self.machine()} by `make bench`.", ""]
        lines += [
            "## What it must reach",
            "",
            *_markdown(("target", "wanted", "measured", "reached"), self._target_rows()),
        ]
        for section in self.sections:
            lines += ["", f"## {section.title}", "", *_markdown(section.columns, section.rows)]
            lines += [f"\n{note}" for note in section.notes]
        path.write_text("\n".join(lines) + "\n")

    def _target_rows(self) -> list[Sequence[str]]:
        return [(t.name, t.wanted, t.measured, "yes" if t.reached else "**no**") for t in self.targets]


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
