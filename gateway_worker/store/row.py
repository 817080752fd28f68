"""A row of the database. Pure."""

from typing import Any, Protocol


class Row(Protocol):
    """A row of asyncpg's, by column."""

    def __getitem__(self, column: str, /) -> Any: ...
