"""What the load of one scenario did, and how much of it is still to come back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.accounts.ledgers import Command, Event, PhoneMessage, is_final_failure
from tests.chaos.accounts.recovery import Sample


@dataclass(slots=True, kw_only=True)
class Journal:
    """Filled while the scenario runs. `name` begins the labels of all its messages."""

    name: str
    commands: dict[str, Command] = field(default_factory=dict[str, Command])
    phone_messages: dict[tuple[str, str], PhoneMessage] = field(default_factory=dict[tuple[str, str], PhoneMessage])
    read: set[str] = field(default_factory=set[str])
    """Commands whose message the phone has read."""
    samples: list[Sample] = field(default_factory=list[Sample])
    _answered: set[str] = field(default_factory=set[str])
    _read_announced: set[str] = field(default_factory=set[str])
    _received: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def take(self, event: Event) -> None:
        """Take in an event, of this scenario or not."""
        if event.command_id is not None and event.command_id.startswith(self.name):
            if event.status in {"delivered", "read"} or is_final_failure(event):
                self._answered.add(event.command_id)
            if event.status == "read":
                self._read_announced.add(event.command_id)
        if event.type == "message.received.v1" and event.message_id is not None:
            self._received.add((event.session_id, event.message_id))

    def delivered_count(self) -> int:
        """Commands that have got their answer."""
        return len(self._answered & self.commands.keys())

    def received_count(self) -> int:
        """Messages of phones that were told."""
        return len(self._received & self.phone_messages.keys())

    def outstanding(self) -> int:
        """What is confirmed and has not come back yet."""
        return (
            len(self.commands.keys() - self._answered)
            + len(self.read - self._read_announced)
            + len(self.phone_messages.keys() - self._received)
        )

    def outstanding_ids(self) -> Sequence[str]:
        """The same by id, for evidence."""
        missing = self.phone_messages.keys() - self._received
        return [*sorted(self.commands.keys() - self._answered), *sorted(message_id for _, message_id in missing)]
