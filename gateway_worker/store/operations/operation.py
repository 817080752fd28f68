"""What an operation is."""

from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Operation(Generic[R_co]):
    """A write that answers with an `R_co`."""

    __slots__ = ()
