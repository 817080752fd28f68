"""What a companion shows that wants to be linked: a QR code, or a code to be typed. Plain values. Pure."""

from dataclasses import dataclass

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.world.ids import ConnectionId


@dataclass(slots=True, kw_only=True)
class LinkCode:
    """A companion that waits for its pairing code to be typed."""

    connection: ConnectionId
    reference: bytes
    wrapped_ephemeral: bytes
    companion_ephemeral: bytes = b""
    """Unwrapped with the code, once it was typed."""
    ephemeral: KeyPair | None = None
    """The phone's, from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One QR code's reference: whose it is and until when (s since the epoch) it may be scanned."""

    connection: ConnectionId
    expires: float
