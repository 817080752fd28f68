"""What the demo has seen so far: pure bookkeeping over replies and events."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
STEPS = ("accepted", "sent", "delivered", "read")


@dataclass(slots=True)
class Tally:
    """Counts by session, and the latest events for the table."""

    steps: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    received: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    states: dict[str, str] = field(default_factory=dict[str, str])
    sequences: dict[str, list[int]] = field(default_factory=dict[str, "list[int]"])
    latest: list[Event] = field(default_factory=list[Event])
    failures: list[str] = field(default_factory=list[str])
    seen: list[Event] = field(default_factory=list[Event])

    def take(self, event: Event) -> None:
        """Count one event or reply."""
        self.seen.append(event)
        session, data = str(event.get("subject")), event["data"]
        if "sequence" in event:
            self.sequences.setdefault(session, []).append(int(event["sequence"]))
        match event["type"]:
            case "session.status.v1":
                self.states[session] = data["status"]
            case "message.status.v1":
                self._step(session, data["status"])
                if data["status"] == "failed":
                    self.failures.append(str(data.get("error")))
            case "message.received.v1":
                self.received.setdefault(session, []).append(data["messageId"])
            case "command.accepted.v1":
                self._step(session, "accepted")
            case "command.rejected.v1":
                self.failures.append(f"{data['code']}: {data['message']}")
            case "media.failed.v1":
                self.failures.append(str(data.get("error")))
            case _:
                pass
        self.latest = [*self.latest[-7:], event]

    def find(self, event_type: str, session: str | None, wanted: Mapping[str, Any]) -> Event | None:
        """The first event of this type whose data has these values."""
        for event in self.seen:
            fits = event["type"] == event_type and (session is None or event.get("subject") == session)
            if fits and wanted.items() <= {key: event["data"].get(key) for key in wanted}.items():
                return event
        return None

    def total(self, step: str) -> int:
        """A step's count over all sessions."""
        return sum(counts[step] for counts in self.steps.values())

    def gaps(self) -> int:
        """Sequence numbers that are missing between the first and the last one seen of each session."""
        return sum(max(seen) - min(seen) + 1 - len(set(seen)) for seen in self.sequences.values() if seen)

    def _step(self, session: str, step: str) -> None:
        self.steps[session][step] += 1
