"""Which operations of a group of writes may share a statement. Pure.

A group is many callers' writes in one transaction. All operations of one kind go into one statement, unless two of them
touch the same row: then the later one waits for the next *round*. Most groups need one round.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.records import Fence
from schemas.names import SessionId

Kind = type[Operation[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An operation and where it stands: the number of its write in the group, and its own in the write."""

    write: int
    index: int
    fence: Fence
    operation: Any  # of some kind; its writer knows which

    @property
    def session_id(self) -> SessionId:
        """Whose it is."""
        return self.fence.session_id


Round = Mapping[Kind, Sequence[Placed]]
"""Operations that share statements, by kind, in the order in which the kinds take effect."""


def rounds(operations: Iterable[Placed], ranks: Mapping[Kind, int]) -> Sequence[Round]:
    """Distribute operations, given in the order of writes, over as few rounds as their rows allow.

    Args:
        operations: of all writes of a group.
        ranks: when each kind takes effect within a round.
    """
    found: list[dict[Kind, list[Placed]]] = []
    touched: dict[tuple[str, ...], tuple[int, int]] = {}  # row → the last round and rank that touch it
    for placed in operations:
        kind = cast("Kind", type(placed.operation))
        rank = ranks[kind]
        rows = [(placed.session_id, *row) for row in placed.operation.touched()]
        number = 0
        for row in rows:
            last = touched.get(row)
            if last is not None:
                number = max(number, last[0] if last[1] < rank else last[0] + 1)
        touched.update(dict.fromkeys(rows, (number, rank)))
        while len(found) <= number:
            found.append({})
        found[number].setdefault(kind, []).append(placed)
    return [dict(sorted(one.items(), key=lambda step: ranks[step[0]])) for one in found]
