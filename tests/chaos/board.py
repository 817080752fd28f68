"""What a person sees: the scenario that runs, and a line for each that is done."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tests.chaos.accounts.checker import Kind
from tests.chaos.accounts.journal import Journal
from tests.chaos.accounts.outcome import ScenarioOutcome

_COLORS: Final = {"green": "green", "red": "red", "not run": "yellow"}
_MARKS: Final = {"green": "✓", "red": "✗", "not run": "-"}


class Board:
    """Shown while the block lasts; on anything but a terminal only the lines remain."""

    def __init__(self, console: Console, scenarios: int) -> None:
        self._console = console
        self._overall = Progress(
            TextColumn("[bold]the matrix[/]"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )
        self._bar = self._overall.add_task("scenarios", total=scenarios)
        self._title = ""
        self._words = ""
        self._journal: Journal | None = None
        self._since = time.monotonic()
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, title: str) -> Callable[[str], None]:
        """A scenario, or the building of an environment, begins; the answer takes words about it."""
        self._title, self._words, self._journal = title, "", None
        self._since = time.monotonic()
        return self.say

    def follow(self, journal: Journal) -> None:
        """Count what this journal counts."""
        self._journal = journal

    def say(self, words: str) -> None:
        """What happens now."""
        self._words = words

    def skip(self) -> None:
        """A scenario was done by an earlier run."""
        self._overall.advance(self._bar)

    def end(self, outcome: ScenarioOutcome) -> None:
        """A scenario is done."""
        self._overall.advance(self._bar)
        color = _COLORS[outcome.verdict]
        line = Text.assemble(
            (f"{_MARKS[outcome.verdict]} ", color), (f"{outcome.scenario:<46}", color), self._figures(outcome)
        )
        self._console.print(line)
        for reason in outcome.reasons:
            self._console.print(Text(f"    {reason}", style="dim"))

    @staticmethod
    def _figures(outcome: ScenarioOutcome) -> str:
        if outcome.verdict == "not run":
            return ""
        lost = outcome.count(Kind.LOST_COMMAND, Kind.LOST_MESSAGE, Kind.LOST_EVENT, Kind.LOST_ROW)
        recovered = "-" if outcome.recovered_p99 is None else f"{outcome.recovered_p99:.1f} s"
        return (
            f"{outcome.commands:>5} commands {outcome.phone_messages:>5} from phones {lost:>3} lost "
            f"{outcome.count(Kind.RESENT):>3} re-sent  back in {recovered:<7} took {outcome.took:.0f} s"
        )

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [self._overall]
        if self._title:
            parts.append(Panel(self._scenario(), title=self._title, title_align="left", expand=False, width=76))
        return Group(*parts)

    def _scenario(self) -> Text:
        text = Text(f"{time.monotonic() - self._since:5.1f} s  {self._words or 'under steady load'}")
        if (journal := self._journal) is not None:
            text.append(f"\ncommands   {len(journal.commands):>5} confirmed  {journal.delivered_count():>5} answered")
            text.append(f"\nmessages   {len(journal.phone_messages):>5} from phones {journal.received_count():>4} told")
            text.append(f"\nunder way  {journal.outstanding():>5}")
        return text
