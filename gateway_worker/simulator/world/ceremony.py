"""A passkey ceremony between a companion and a phone, as far as it has come. Plain values. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.linking.passkey_pairing import CompanionIdentity


class Stage(StrEnum):
    """What the companion has to do next."""

    REF = "ref"  # ask for a ref
    PROLOGUE = "prologue"  # send the assertion, and commit itself
    CONTINUATION = "continuation"  # wait for the phone
    NONCE = "nonce"  # open its commitment
    REQUEST = "request"  # send its keys
    OVER = "over"  # linked, or refused


@dataclass(slots=True, kw_only=True, eq=False)
class Ceremony:
    """What server and phone know of it."""

    adv_secret: bytes
    """Of the code that was scanned or typed."""
    challenge: bytes
    expires: float
    """When the challenge is over, in seconds since the epoch."""
    request_id: str
    """Of the notification that asked for the assertion."""
    acknowledged: bool = False
    """The companion has acknowledged that."""
    stage: Stage = Stage.REF
    ref: str = ""
    companion: CompanionIdentity | None = None
    commitment: bytes = b""
    ephemeral: KeyPair | None = None
    """The phone's, for this ceremony."""
    nonce: bytes = b""
    """The phone's."""
    proven: bool = False
    """The companion has shown the handoff proof: no code is compared."""
