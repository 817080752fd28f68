"""What an operation is. Each kind says what it touches; `writing/writers` names what writes it, in order."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)

Touched = Sequence[tuple[str, ...]]
"""Names of rows, among those of the session."""


class Operation(Generic[R_co]):
    """A write that answers with an `R_co`.

    Attributes:
        alone: it must have a transaction for itself.
    """

    __slots__ = ()
    alone: ClassVar[bool] = False

    @property
    def weight(self) -> int:
        """How many rows it may touch, roughly: what bounds a transaction."""
        return 1

    def touched(self) -> Touched:
        """The rows for which it must wait until an operation before it has written them.

        None: it only appends, or is one per statement, or settled by the first, or takes what it has in turn.
        """
        return ()
