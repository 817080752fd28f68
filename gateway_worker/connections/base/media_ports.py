"""What sessions and the one who fetches their files ask of each other, and of the bucket."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway_worker.objects.received import Source
from gateway_worker.store.records import MediaRecord
from gateway_worker.whatsapp.remote_files import RemoteFile
from schemas.names import SessionId


class Bucket(Protocol):
    """The media bucket; see `objects.received`. Every call raises an `OSError` when S3 is away or refuses."""

    async def put(self, key: str, source: Source, content_type: Callable[[bytes], str]) -> str:
        """Store a file, or nothing; answers its content type."""
        ...

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        ...


class Incoming(Source, Protocol):
    """A file that is being read; see `whatsapp.downloads`. `size` and `sha256` are of what was read so far."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        ...


class Downloads(Protocol):
    """WhatsApp's media hosts; see `whatsapp.downloads`, also for what they raise."""

    def opened(self, file: RemoteFile, *, proxy: str | None, limit: int) -> AbstractAsyncContextManager[Incoming]:
        """A file to be read."""
        ...


class FileOwner(Protocol):
    """A session whose files are fetched here."""

    @property
    def session_id(self) -> SessionId:
        """Which."""
        ...

    async def carry_out(self, record: MediaRecord, downloads: Downloads, bucket: Bucket) -> None:
        """Fetch one file and store how that went, whatever that is.

        Raises:
            StaleEpoch: another worker owns the session.
        """
        ...


class MediaJobs(Protocol):
    """What a session tells of its files, and asks."""

    def adopt(self, session: FileOwner) -> None:
        """The session lives here: what it has pending is fetched."""
        ...

    def arrived(self, session_id: SessionId) -> None:
        """Something of it may be due."""
        ...

    async def let_go(self, session_id: SessionId) -> None:
        """It does not live here any more; returns when nothing of it is under way."""
        ...

    async def has(self, key: str) -> bool:
        """Whether the bucket has this object, as far as one can see."""
        ...


class NoMedia:
    """`MediaJobs` that fetch nothing."""

    def adopt(self, session: FileOwner) -> None: ...  # noqa: D102 (see MediaJobs)

    def arrived(self, session_id: SessionId) -> None: ...  # noqa: D102

    async def let_go(self, session_id: SessionId) -> None: ...  # noqa: D102

    async def has(self, key: str) -> bool:  # noqa: ARG002, D102
        return False
