"""The order of one session's events, whatever comes twice, late or not at all. Pure.

`take` is told of each arrival and answers what may be passed on. An event that is beyond the next one waits, at most
`limit` of them; more are let go, for they come again: whatever is missing is asked for with ``events.replay.v1``
(`asked`, then `replayed`), whose events arrive like any others. A hole is known to be one, and is jumped over, once as
many different events of the replayed range have arrived as the replay says that it published.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from gateway_worker.client.events import Missed

T = TypeVar("T")

RECENT: Final = 10_000  # ids of events that are remembered
HELD: Final = 50  # events of one session that wait for those before them


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed(Generic[T]):
    """An event whose turn it is; `missed`: what is gone for good before it."""

    sequence: int
    item: T
    missed: Missed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals(Generic[T]):
    """What an arrival leads to: what is passed on, in this order, and what is done with."""

    passed: Sequence[Passed[T]] = ()
    dropped: Sequence[T] = ()


@dataclass(slots=True)
class _Replay:
    """A replay under way: `seen` are different sequences that arrived since; `last` and `count` once it answered."""

    first: int
    seen: set[int]
    last: int | None = None
    count: int | None = None


@dataclass(slots=True)
class SessionOrder(Generic[T]):
    """One session's events.

    Attributes:
        position: the sequence of the last one that was passed on; None before the first.
        newest: the highest sequence that was heard of.
        limit: how many may wait.
    """

    position: int | None = None
    limit: int = HELD
    newest: int = 0
    _held: dict[int, T] = field(default_factory=dict[int, T])
    _replay: _Replay | None = None
    _missed: Missed | None = None

    @property
    def is_behind(self) -> bool:
        """Whether something is missing that has to be asked for."""
        return self.position is not None and self.newest > self.position

    def take(self, sequence: int, item: T) -> Arrivals[T]:
        """An event has arrived."""
        self.newest = max(self.newest, sequence)
        if self.position is None:
            self.position = sequence - 1
        if sequence <= self.position:
            return Arrivals(dropped=[item])
        if self._replay is not None:
            self._replay.seen.add(sequence)
        dropped = self._hold(sequence, item)
        return Arrivals(passed=[*self._in_turn(), *self._across_holes()], dropped=dropped)

    def asked(self) -> int:
        """A replay is being asked for; answers from which sequence on. Only when there is a position."""
        assert self.position is not None
        self._replay = _Replay(first=self.position + 1, seen=set(self._held))
        return self._replay.first

    def replayed(self, *, last: int | None, count: int, newest: int) -> Arrivals[T]:
        """It was answered: `count` events up to `last` went out again; the session's newest is `newest`."""
        self.newest = max(self.newest, newest)
        if self._replay is None:
            return Arrivals()
        self._replay.last, self._replay.count = newest if last is None else last, count
        return Arrivals(passed=self._across_holes())

    @property
    def waits_for_replay(self) -> bool:
        """Whether events of a replay are still on their way."""
        return self._replay is not None

    def give_up(self) -> Arrivals[T]:
        """Nothing can be asked for: go on with what is here, or with what comes next."""
        self._replay = None
        self._skip_to(min(self._held) - 1 if self._held else self.newest)
        return Arrivals(passed=self._in_turn())

    def _hold(self, sequence: int, item: T) -> list[T]:
        """Keep it until its turn; answers what is let go instead."""
        if sequence in self._held:
            dropped = [self._held[sequence]]
            self._held[sequence] = item
            return dropped
        if len(self._held) >= self.limit and sequence != (self.position or 0) + 1:
            return [item]
        self._held[sequence] = item
        return []

    def _in_turn(self) -> list[Passed[T]]:
        passed: list[Passed[T]] = []
        assert self.position is not None
        while (following := self.position + 1) in self._held:
            passed.append(Passed(sequence=following, item=self._held.pop(following), missed=self._missed))
            self.position, self._missed = following, None
        return passed

    def _across_holes(self) -> list[Passed[T]]:
        """Pass on what was replayed, once all of it has been seen: what is missing then does not exist."""
        replay = self._replay
        if replay is None or replay.count is None or replay.last is None:
            return []
        known = sorted(sequence for sequence in replay.seen if replay.first <= sequence <= replay.last)
        if len(known) < replay.count:
            return []
        self._replay = None
        passed: list[Passed[T]] = []
        for sequence in known:
            self._skip_to(sequence - 1)
            passed += self._in_turn()
            if sequence > (self.position or 0):  # it was let go: ask again, from here
                return passed
        self._skip_to(replay.last)
        return [*passed, *self._in_turn()]

    def _skip_to(self, sequence: int) -> None:
        """What lies between the position and this one does not come any more."""
        assert self.position is not None
        if sequence <= self.position:
            return
        first = self.position + 1 if self._missed is None else self._missed.first
        self._missed = Missed(first=first, last=sequence)
        self.position = sequence


class Recent:
    """The last keys that were seen, at most `limit`."""

    def __init__(self, limit: int = RECENT) -> None:
        self._limit = limit
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> None:
        """Remember it, and forget the oldest."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
