"""Which deliveries of a channel the broker may forget, in the fewest words. Pure.

A quorum queue turns each ack into a command of its log, and a channel has 32 of them under way at a time: what waits
behind those is lost when the channel closes, and its deliveries come again (seen on 3.10). ``multiple`` says as one
what was settled without a gap.
"""


class Acks:
    """The deliveries that a channel holds, in the order of their tags."""

    __slots__ = ("_held", "_settled")

    def __init__(self) -> None:
        self._held: dict[int, None] = {}
        self._settled: set[int] = set()

    def deliver(self, tag: int) -> None:
        """The channel holds one more; tags grow (AMQP 0-9-1, ``delivery-tag``)."""
        self._held[tag] = None

    def settle(self, tag: int) -> None:
        """The broker may forget it; twice is once."""
        if tag in self._held:
            self._settled.add(tag)

    def take(self) -> list[tuple[int, bool]]:
        """What is to be said now: tags, and whether each stands for all that is held before it too."""
        said: list[tuple[int, bool]] = []
        last = self._leading()
        if last:
            said.append((last, True))
        for tag in sorted(self._settled):
            del self._held[tag]
            said.append((tag, False))
        self._settled.clear()
        return said

    def _leading(self) -> int:
        """Let go of those that were settled without a gap from the first on; the last of them, or 0."""
        last = 0
        for tag in list(self._held):
            if tag not in self._settled:
                break
            self._settled.discard(tag)
            del self._held[tag]
            last = tag
        return last
