"""How fast a worker takes over sessions: a handful at once, then so many a second. Pure; seconds that never go back."""


class Tokens:
    """A bucket that holds `most` tokens and gets `per_second` new ones; at the start it holds `first`."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, *, most: int, per_second: float, first: int, now: float) -> None:
        self._most = most
        self._per_second = per_second
        self._left = float(first)
        self._at = now

    def available(self, now: float) -> int:
        """How many can be taken now."""
        if self._left < self._most:
            self._left = min(float(self._most), self._left + (now - self._at) * self._per_second)
        self._at = now
        return int(self._left)

    def take(self, count: int) -> None:
        """Use up some of those available."""
        self._left -= count
