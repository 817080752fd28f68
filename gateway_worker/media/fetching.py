"""Fetching a stranger's link: addresses checked and pinned, every redirect again, everything with a limit.

The name is resolved by us; the connection goes to an address that was checked, while the name stays for TLS and `Host`.
"""

import asyncio
import socket
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
from yarl import URL

from gateway_worker.media import addresses
from gateway_worker.media.addresses import Address
from gateway_worker.media.errors import forbidden, too_large, unreachable
from gateway_worker.media.pinning import Pinned, PinnedConnector

MAX_REDIRECTS: Final = 5
_CHUNK: Final = 64 * 1024
_MAX_URL: Final = 8192
_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADERS: Final = {"User-Agent": "whatsapp-gateway-worker", "Accept": "*/*", "Accept-Encoding": "identity"}
_ZLIB_ANY: Final = 47  # gzip or zlib, whichever its head says

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
IsAllowed = Callable[[Address], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds. `pace` is the least a host must give within each `window`, in bytes, so that none drips for ever."""

    resolve: float = 10.0
    connect: float = 10.0
    headers: float = 20.0
    silence: float = 15.0
    window: float = 20.0
    pace: int = 16 * 1024
    total: float = 900.0


async def resolve_here(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, as this machine knows them; whatever form an address has, it is one."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Fetcher:
    """Opens links.

    Args:
        allow_private: also http, and addresses of this machine and of private networks (tests only).
        deadlines: how long what may take.
        resolve: how names become addresses.
        is_allowed: judges each address; by default `addresses.is_allowed`.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        deadlines: Deadlines | None = None,
        resolve: Resolve = resolve_here,
        is_allowed: IsAllowed | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._deadlines = deadlines or Deadlines()
        self._resolve = resolve
        self._is_allowed = is_allowed or partial(addresses.is_allowed, private=allow_private)

    @asynccontextmanager
    async def reading(self, url: str, limit: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The bytes behind a link, piece by piece.

        Raises:
            MediaForbiddenAddress: it leads to where we do not go.
            MediaUnreachable: it leads nowhere; `detail.reason` says how.
            MediaTooLarge: it says itself that there are more than `limit` bytes.
        """
        try:
            async with asyncio.timeout(self._deadlines.total), self._answer(url) as answer:
                _check(answer, limit)
                yield self._pieces(answer)
        except TimeoutError as error:
            raise unreachable("timeout") from error

    @asynccontextmanager
    async def _answer(self, given: str) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer at the end of all redirects."""
        url = _parsed(given)
        for _ in range(MAX_REDIRECTS + 1):
            pinned = await self._pin(url)
            async with self._session(pinned) as session:
                answer = await self._ask(session, url)
                async with answer:
                    if answer.status not in _REDIRECTS:
                        yield answer
                        return
                    url = _next(url, answer.headers.get("Location"))
        raise unreachable("redirects")

    async def _ask(self, session: aiohttp.ClientSession, url: URL) -> aiohttp.ClientResponse:
        with _translated():
            async with asyncio.timeout(self._deadlines.headers):
                return await session.get(url, allow_redirects=False, headers=_HEADERS)

    async def _pin(self, url: URL) -> Pinned:
        """The checked addresses of its host."""
        if url.scheme != "https" and not (url.scheme == "http" and self._allow_private):
            raise forbidden("scheme")
        if url.user is not None or url.password is not None:
            raise forbidden("credentials")
        host, port = url.raw_host, url.port
        if not host or not port:
            raise forbidden("host")
        try:
            async with asyncio.timeout(self._deadlines.resolve):
                found = await self._resolve(host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise unreachable("dns") from error
        if not found:
            raise unreachable("dns")
        if not all(self._is_allowed(addresses.parse(each)) for each in found):
            raise forbidden("address")
        return Pinned(found)

    def _session(self, pinned: Pinned) -> aiohttp.ClientSession:
        limits = self._deadlines
        return aiohttp.ClientSession(
            connector=PinnedConnector(pinned),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect, sock_read=limits.silence),
        )

    async def _pieces(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        decode = _decoder(answer.headers.get("Content-Encoding", ""))
        loop = asyncio.get_running_loop()
        began, got = loop.time(), 0
        while True:
            with _translated():
                piece = await answer.content.read(_CHUNK)
            for decoded in decode(piece):
                yield decoded
            if not piece:
                return
            got += len(piece)
            if loop.time() - began >= self._deadlines.window:
                if got < self._deadlines.pace:
                    raise unreachable("slow")
                began, got = loop.time(), 0


@contextmanager
def _translated() -> Generator[None]:
    """What goes wrong on the way, as a reason; what hosts say may break aiohttp's parsers in many ways."""
    try:
        yield
    except TimeoutError as error:
        raise unreachable("timeout") from error
    except aiohttp.ClientSSLError as error:
        raise unreachable("tls") from error
    except aiohttp.ClientPayloadError as error:
        raise unreachable("interrupted") from error
    except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, ConnectionError) as error:
        raise unreachable("connect") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise unreachable("protocol") from error


def _parsed(url: str) -> URL:
    if len(url) > _MAX_URL:
        raise unreachable("protocol")
    try:
        return URL(url)
    except ValueError as error:
        raise unreachable("protocol") from error


def _next(url: URL, location: str | None) -> URL:
    if not location:
        raise unreachable("redirects")
    return url.join(_parsed(location))


def _check(answer: aiohttp.ClientResponse, limit: int) -> None:
    """What its head tells. That it is small enough nobody believes."""
    if answer.status != _OK:
        raise unreachable("status", status=answer.status)
    if (size := answer.content_length or 0) > limit:
        raise too_large("bytes", limit, size=size)


def _decoder(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    """We ask for no encoding; who sends one all the same is decoded in small steps, so that a bomb is only counted.

    The last call is with nothing: it says that there is no more.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _as_it_is
        case "gzip" | "x-gzip" | "deflate":
            return _Inflating().decode
        case _:
            raise unreachable("encoding")


def _as_it_is(piece: bytes) -> Iterator[bytes]:
    """The piece itself."""
    if piece:
        yield piece


class _Inflating:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB_ANY)

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """What the piece brings, in pieces of at most `_CHUNK`."""
        try:
            if not piece and not self._stream.eof:
                raise unreachable("interrupted")
            while piece:
                if self._stream.eof:
                    raise unreachable("encoding")  # what is behind the end: there may be no end of it
                if decoded := self._stream.decompress(piece, _CHUNK):
                    yield decoded
                piece = self._stream.unconsumed_tail or self._stream.unused_data
        except zlib.error as error:
            raise unreachable("encoding") from error
