"""A row of the database. Pure."""

from typing import Any, Protocol


class Row(Protocol):
    """A row, by column; asyncpg's and SQLAlchemy's alike."""

    def __getitem__(self, column: str, /) -> Any: ...
