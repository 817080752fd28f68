"""How long to wait before the next try: capped, exponential, jittered. Pure: randomness and time are given."""

from random import Random

from gateway_worker.timing.pauses import Pauses

FIRST_SECONDS = 1.0
CAP_SECONDS = 60.0
STABLE_SECONDS = 5.0


class Backoff:
    """The waits of one session.

    A wait is between half and all of `first` · 2ⁿ, at most `cap` seconds: the first retry is quick. A connection that
    lasted `stable` seconds, and as long as the wait before it, forgets the failures before it; one that lasted `stable`
    seconds alone lets the waits grow no further. So one that WhatsApp cuts at once waits longer each time, and one that
    worked between two outages is not made to wait for the first.
    """

    __slots__ = ("_connected_at", "_failures", "_pauses", "_stable", "_waited")

    def __init__(
        self, rng: Random, *, first: float = FIRST_SECONDS, cap: float = CAP_SECONDS, stable: float = STABLE_SECONDS
    ) -> None:
        self._pauses = Pauses(first=first, longest=cap, chance=rng)
        self._stable = stable
        self._failures = 0
        self._waited = 0.0
        self._connected_at: float | None = None

    @property
    def failures(self) -> int:
        """Failures since the last stable connection."""
        return self._failures

    def connected(self, now: float) -> None:
        """A connection is up since `now` (monotonic seconds)."""
        self._connected_at = now

    def failed(self, now: float) -> float:
        """The connection ended, or none came up, at `now`; returns the seconds to wait before the next try."""
        lasted = 0.0 if self._connected_at is None else now - self._connected_at
        if lasted >= max(self._stable, self._waited):
            self._failures = 0
        elif lasted >= self._stable:
            self._failures -= 1
        self._connected_at = None
        self._failures += 1
        self._waited = self._pauses.after(self._failures)
        return self._waited
