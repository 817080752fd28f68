"""How long to wait before the next try: growing, bounded, jittered. Pure: randomness is given."""

from dataclasses import dataclass
from random import Random
from typing import Final

_DOUBLINGS: Final = 30  # beyond this the longest pause has long been reached; keeps the power small


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """Pauses that double.

    Attributes:
        first: seconds of the first.
        longest: seconds of the longest.
        chance: jitter: each is between half and all of that, so who fell together does not come back together; None:
            there is none.
    """

    first: float
    longest: float
    chance: Random | None = None

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, 1 or more."""
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, _DOUBLINGS))
        return pause if self.chance is None else self.chance.uniform(pause / 2, pause)
