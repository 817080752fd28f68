"""What the core asks of the shell, and the `Turn` in which it says so. Pure.

A turn is one call into the core: one stanza, one control request, one timer. Everything it needs from outside (time,
randomness) comes with it, and everything it wants done outside is collected in it, in order.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.model import Account, Device, World


@dataclass(frozen=True, slots=True)
class Send:
    """Write this stanza to that connection, after everything sent before."""

    connection: ConnectionId
    node: Node


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection: after everything sent before, or `abrupt`, as when a cable is cut."""

    connection: ConnectionId
    abrupt: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Call the core again with `act` after `delay` seconds."""

    delay: float
    act: "Callable[[Turn], None]"


Effect = Send | Close | Later


class Turn:
    """One call into the core. `now` is in seconds since the epoch."""

    __slots__ = ("arrivals", "effects", "linking", "newly_linked", "now", "world")

    def __init__(self, world: World, now: float) -> None:
        self.world = world
        self.now = now
        self.effects: list[Effect] = []
        self.arrivals: list[tuple[Device, Node]] = []
        """Stanzas for phones that are online; the core lets the phones read them before the turn ends."""
        self.linking: list[Account] = []
        """People whose phones sign a companion in: before it reads anything their phones publish their names."""
        self.newly_linked: list[Device] = []
        """Companions whose prekeys have just come for the first time: their phones can speak to them from now on."""

    @property
    def t(self) -> str:
        """The time as stanzas carry it: whole seconds."""
        return str(int(self.now))

    def send(self, connection: ConnectionId, node: Node) -> None:
        """A stanza to a connection."""
        self.effects.append(Send(connection, node))

    def close(self, connection: ConnectionId, *, abrupt: bool = False) -> None:
        """The end of a connection."""
        self.effects.append(Close(connection, abrupt))

    def later(self, delay: float, act: "Callable[[Turn], None]") -> None:
        """Something to do in `delay` seconds, in a turn of its own; it must look again whether its subject exists."""
        self.effects.append(Later(delay, act))

    def token(self, size: int = 8) -> str:
        """A fresh id of `size` random bytes, as upper-case hex."""
        return self.world.entropy(size).hex().upper()
