"""How far the events of each session are published: the longest prefix without a gap. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway_worker.store.postgres.lineage import SEQUENCE_STEP
from schemas.names import SessionId

_JUMP: Final = SEQUENCE_STEP // 2  # where the session was restored, nothing lies in between


class Marks:
    """Sequences that are confirmed, and not yet below their session's mark in the database.

    Confirmations may come out of order; a mark says "everything up to here". So what comes early is held until the
    gap before it is closed. A crash forgets what is held: those events are published again, under the same ids.
    """

    def __init__(self) -> None:
        self._held: dict[SessionId, set[int]] = {}

    def add(self, confirmed: Iterable[tuple[SessionId, int]]) -> None:
        """These are confirmed."""
        for session_id, sequence in confirmed:
            self._held.setdefault(session_id, set()).add(sequence)

    def runs(self) -> Mapping[SessionId, tuple[int, int]]:
        """For each session the first and last sequence of its lowest run without a gap."""
        return {session_id: _lowest_run(held) for session_id, held in self._held.items()}

    def moved(self, session_id: SessionId, published: int) -> bool:
        """The session's mark stands at `published` now. Answers whether a further run may follow at once."""
        left = {sequence for sequence in self._held.pop(session_id, ()) if sequence > published}
        if left:
            self._held[session_id] = left
        return published + 1 in left or min(left, default=0) - published > _JUMP


def _lowest_run(held: set[int]) -> tuple[int, int]:
    first = last = min(held)
    while last + 1 in held:
        last += 1
    return first, last
