"""A circuit breaker: who fails half of the time is left alone for a while, then tried with one call. Pure.

Own, since those at hand let any number of calls through while they try, or know no share of failures (decision 0045).
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SHARE: Final = 0.5
LEAST: Final = 5  # outcomes in the window before a share means anything
WINDOW: Final = 10.0  # seconds
RESET: Final = 30.0  # seconds


class BreakerState(StrEnum):
    """What a breaker does: let all through, none, or one to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Asked before each call (`wait`), told of its start (`begin`) and its end (`succeeded`, `failed`, `abandoned`).

    All times are seconds of one clock that never goes back.

    Attributes:
        share: of failures among the outcomes of the last `window` seconds that opens it.
        least: so many outcomes there must be.
        reset: seconds from opening to the one call that tries.
    """

    share: float = SHARE
    least: int = LEAST
    window: float = WINDOW
    reset: float = RESET
    state: BreakerState = BreakerState.CLOSED
    _outcomes: deque[tuple[float, bool]] = field(default_factory=deque[tuple[float, bool]])
    _failures: int = 0
    _opened_at: float = 0.0
    _is_trying: bool = False

    def wait(self, now: float) -> float:
        """Seconds until the next call may be made; 0: now. While another call tries: until it would try again."""
        match self.state:
            case BreakerState.CLOSED:
                return 0.0
            case BreakerState.OPEN:
                return max(0.0, self._opened_at + self.reset - now)
            case BreakerState.HALF_OPEN:
                return self.reset if self._is_trying else 0.0

    def begin(self) -> None:
        """A call starts; only where `wait` said 0."""
        if self.state is not BreakerState.CLOSED:
            self.state, self._is_trying = BreakerState.HALF_OPEN, True

    def succeeded(self, now: float) -> bool:
        """It was answered well; answers whether that has just closed the breaker."""
        if self.state is BreakerState.CLOSED:
            self._note(now, failed=False)
            return False
        if self.state is BreakerState.OPEN:
            return False  # begun before it opened
        self._close()
        return True

    def failed(self, now: float) -> None:
        """It was not."""
        match self.state:
            case BreakerState.CLOSED:
                self._note(now, failed=True)
                if len(self._outcomes) >= self.least and self._failures >= self.share * len(self._outcomes):
                    self._open(now)
            case BreakerState.HALF_OPEN:
                self._open(now)
            case BreakerState.OPEN:
                pass  # begun before it opened

    def abandoned(self) -> None:
        """The call was broken off by us: it says nothing."""
        self._is_trying = False

    def _note(self, now: float, *, failed: bool) -> None:
        self._outcomes.append((now, failed))
        self._failures += failed
        while self._outcomes[0][0] <= now - self.window:
            self._failures -= self._outcomes.popleft()[1]

    def _open(self, now: float) -> None:
        self.state, self._opened_at, self._is_trying = BreakerState.OPEN, now, False
        self._forget()

    def _close(self) -> None:
        self.state, self._is_trying = BreakerState.CLOSED, False
        self._forget()

    def _forget(self) -> None:
        self._outcomes.clear()
        self._failures = 0
