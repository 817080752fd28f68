"""Files of messages, from WhatsApp's media hosts and from nowhere else: streamed, decrypted, checked.

Errors::

    DownloadFailed          the base
    ├── HostAway            no answer, or one that says so: it may answer later
    ├── FileGone            403, 404 or 410: the file is not there any more; the sender's phone may have it
    ├── FileTooLarge        it has more bytes than are wanted
    └── NowhereToLook       the message names no place at WhatsApp's media hosts
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

import aiohttp

from gateway_worker.whatsapp.media_cipher import FileDamaged, Opening, encrypted_size
from gateway_worker.whatsapp.remote_files import RemoteFile

_HOST: Final = "mmg.whatsapp.net"
_DOMAIN: Final = ".whatsapp.net"
_GONE: Final = frozenset({403, 404, 410})
_OK: Final = 200
_PIECE: Final = 64 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=3600, sock_connect=10, sock_read=30)
_HEADERS: Final = {"Origin": "https://web.whatsapp.com", "Accept-Encoding": "identity"}


class DownloadFailed(Exception):  # noqa: N818 (reads as the fact it is)
    """A file could not be fetched."""


class HostAway(DownloadFailed):
    """The media host did not give it this time."""


class FileGone(DownloadFailed):
    """The media host does not have it any more."""


class FileTooLarge(DownloadFailed):
    """It has more bytes than are wanted."""


class NowhereToLook(DownloadFailed):
    """The message names no place where WhatsApp keeps files."""


class Trust(Protocol):
    """Whom to trust with media; see `baileys.trust`."""

    authority: str | None

    async def refresh(self) -> bool:
        """Ask, if that was not just done."""
        ...

    def context(self) -> ssl.SSLContext:
        """For connections to the media host."""
        ...


class IncomingFile:
    """A file that is being read. Nothing of it may be kept unless its end was reached."""

    def __init__(self, response: aiohttp.ClientResponse, file: RemoteFile, limit: int) -> None:
        self._pieces = response.content.iter_chunked(_PIECE)
        self._opening = Opening(file)
        self._most = encrypted_size(limit)
        self._received = 0
        self._buffer = bytearray()
        self._ended = False

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return self._opening.size

    @property
    def sha256(self) -> str:
        """Of the file so far, in hexadecimal."""
        return self._opening.sha256

    async def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end.

        Raises:
            HostAway, FileTooLarge, FileDamaged: as soon as that is known; the last one, at the end at the latest.
        """
        while len(self._buffer) < size and not self._ended:
            await self._read_on(self._pieces)
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    async def _read_on(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            piece = await anext(pieces, b"")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HostAway(type(error).__name__) from error
        if not piece:
            self._ended = True
            self._buffer += self._opening.finish()
            return
        self._received += len(piece)
        if self._received > self._most:
            raise FileTooLarge
        self._buffer += self._opening.feed(piece)


class Downloads:
    """Opens files at WhatsApp's media hosts; at the simulator's, when we are pointed at that."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def opened(self, file: RemoteFile, *, proxy: str | None, limit: int) -> AsyncGenerator[IncomingFile]:
        """A file to be read, of at most `limit` bytes, whatever its message says of its size: hashes decide.

        Raises:
            DownloadFailed, FileDamaged: see above; also while it is read.
        """
        await self._trust.refresh()
        address = address_of(file, self._trust.authority)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=_HEADERS, auto_decompress=False)
        try:
            response = await self._session.get(address, proxy=proxy, ssl=self._trust.context(), allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HostAway(type(error).__name__) from error
        try:
            if response.status in _GONE:
                raise FileGone(str(response.status))
            if response.status != _OK:
                raise HostAway(str(response.status))
            yield IncomingFile(response, file, limit)
        finally:
            response.close()

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def address_of(file: RemoteFile, authority: str | None) -> str:
    """Where to look: at WhatsApp's host, whatever the message names; its own is only taken for one of WhatsApp's.

    Args:
        file: as its sender's phone describes it.
        authority: ``host:port`` of the simulator's media host, if we are pointed at one.

    Raises:
        NowhereToLook: it names no such place.
    """
    path = file.direct_path
    if path is not None and path.startswith("/") and path.isascii() and path.isprintable():
        return f"https://{authority or _HOST}{path}"
    parts = _split(file.url or "")
    if parts is None or parts.scheme != "https" or "@" in parts.netloc:
        raise NowhereToLook
    if parts.netloc == authority or ((parts.hostname or "").endswith(_DOMAIN) and parts.port in {None, 443}):
        return parts.geturl()
    raise NowhereToLook


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


__all__ = [
    "DownloadFailed", "Downloads", "FileDamaged", "FileGone", "FileTooLarge", "HostAway", "IncomingFile",
    "NowhereToLook", "Trust", "address_of",
]  # fmt: skip
