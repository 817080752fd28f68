"""What is kept because nothing else can be done with it, and what is done to find it out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside(Operation[bool]):
    """Keep something as it came; answers False, and keeps nothing, when it was set aside before.

    Attributes:
        id: names it among those of its session: the same thing has the same id, whenever it comes. Visible ASCII.
        fact: what it is, one word of ours.
        reason, detail: why, each a word or a name of our code.
        message_id: under which it is told, bounded and clean; empty where it is not.
        size: bytes of it, before it was cut.
        value: what is kept of it, JSON.
    """

    id: str
    fact: str
    reason: str
    detail: str
    message_id: str
    size: int
    value: Json = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("set_aside", self.id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginStanza(Operation[None]):
    """A stanza is about to be handled that may have ended a process: count that. `name` is a hash."""

    name: str

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("attempt", self.name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndStanzas(Operation[None]):
    """These were handled, or left in good order: nothing speaks against them any more."""

    names: Sequence[str]

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.names)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("attempt", name) for name in self.names]
