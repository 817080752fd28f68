"""A media bucket in memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager


class Shelf:
    """Holds files by key; where an error lies instead, it is raised."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | OSError] = {}

    @asynccontextmanager
    async def reading(self, key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        found = self.files.get(key, FileNotFoundError("NoSuchKey"))
        if isinstance(found, OSError):
            raise found
        yield self._pieces(found)

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]
