"""What ended a process, taken apart. Pure."""

from collections.abc import Iterable
from typing import cast


def leaves(error: BaseException) -> Iterable[BaseException]:
    """The errors in an exception group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(each)
    else:
        yield error
