"""What the demo shows: a table that moves while things happen."""

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo.phones import Person
from deploy.demo.tally import STEPS, Event, Tally
from gateway_worker.cli.terminal import qr_text

_COLORS = {"connected": "green", "read": "green", "delivered": "cyan", "sent": "blue", "failed": "red"}


def qr_board(codes: Sequence[tuple[Person, str]]) -> RenderableType:
    """The QR codes of the sessions that wait for a scan, side by side."""
    return Columns(
        [Panel(qr_text(qr), title=f"{person.session_id}: scan with {person.name}'s phone") for person, qr in codes]
    )


def message_board(people: Sequence[Person], tally: Tally, goal: int) -> RenderableType:
    """Counts by session, and the latest events."""
    counts = Table(title="messages", title_justify="left", expand=False)
    for column in ("session", "state", *STEPS, "received"):
        counts.add_column(column, justify="left" if column in {"session", "state"} else "right")
    for person in people:
        steps = tally.steps[person.session_id]
        counts.add_row(
            person.session_id,
            _colored(tally.states.get(person.session_id, "-")),
            *(f"{steps[step]}/{goal}" for step in STEPS),
            f"{len(tally.received.get(person.session_id, []))}/{goal}",
        )
    events = Table(title="events on RabbitMQ", title_justify="left", expand=False, min_width=78)
    for column in ("seq", "type", "session", "what"):
        events.add_column(column, no_wrap=True)
    for event in tally.latest:
        events.add_row(
            str(event.get("sequence", "·")).lstrip("0"), event["type"], str(event.get("subject")), _gist(event)
        )
    return Group(counts, events)


def _gist(event: Event) -> Text:
    data = event["data"]
    word = str(data.get("status") or data.get("content", {}).get("kind") or data.get("commandType") or "")
    return _colored(word)


def _colored(word: str) -> Text:
    return Text(word, style=_COLORS.get(word, ""))
