"""One attempt at one call: checked addresses only, no redirect, a deadline, no more of the answer than needed."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway_worker import __version__
from gateway_worker.media import addresses
from gateway_worker.media.fetching import Resolve, resolve_here
from gateway_worker.media.pinning import resolved
from gateway_worker.timing.spans import SpanKind, carrier, span
from gateway_worker.webhooks.calls import Call, CallFailedError, TargetGoneError
from gateway_worker.webhooks.configuration import Receiver
from gateway_worker.webhooks.signing import signed

_MOST_ANSWER: Final = 16 * 1024  # bytes that are read so that the connection can be kept
_IDLE: Final = 4.0  # seconds a connection is kept: Node's servers close theirs after 5, and what is sent then is lost
_LONGEST_RETRY_AFTER: Final = 3600.0
_AGENT: Final = f"whatsapp-gateway-worker/{__version__}"


class ForbiddenAddressError(OSError):
    """A name leads to where we do not go."""


class CheckedResolver(AbstractResolver):
    """Resolves names, each time anew, and judges every address; a name with a single bad one is not called."""

    def __init__(self, *, private: bool, resolve: Resolve = resolve_here) -> None:
        self._resolve = resolve
        self._is_allowed = partial(addresses.is_allowed, private=private)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError: there is no such name, or ForbiddenAddressError."""
        found = await self._resolve(host, port)
        if not all(self._is_allowed(addresses.parse(each)) for each in found):
            raise ForbiddenAddressError
        return resolved(found, host, port, family)

    async def close(self) -> None:
        """Nothing to close."""


class HttpSender:
    """Makes calls to one receiver, over connections that are kept; a context manager."""

    def __init__(
        self, receiver: Receiver, *, now: Callable[[], float] = time.time, resolve: Resolve = resolve_here
    ) -> None:
        self._url = receiver.url
        self._host = urlsplit(receiver.url).hostname or ""
        self._timeout = receiver.timeout
        self._keys: Sequence[bytes] = receiver.keys
        self._headers = {"user-agent": _AGENT, "accept-encoding": "identity"}
        if receiver.token is not None:
            self._headers["authorization"] = f"Bearer {receiver.token.get_secret_value()}"
        self._now = now
        tls = ssl.create_default_context(cafile=None if receiver.ca is None else str(receiver.ca))
        self._connector: Callable[[], aiohttp.TCPConnector] = partial(
            aiohttp.TCPConnector,
            resolver=CheckedResolver(private=receiver.allow_private, resolve=resolve),
            limit=receiver.concurrency,
            keepalive_timeout=_IDLE,
            ssl=tls,
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=self._connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, call: Call) -> None:
        """Return once it was answered with 2xx.

        Raises:
            CallFailedError: it was not; the answer's body is nobody's business.
            TargetGoneError: 410.
        """
        assert self._session is not None
        attributes = {"http.request.method": call.method, "server.address": self._host}
        with span(call.method, SpanKind.CLIENT, attributes=attributes) as attempt:
            status, retry_after = await self._asked(self._session, call)
            if status >= HTTPStatus.BAD_REQUEST:
                attempt.fail(str(status))
        if status == HTTPStatus.GONE:
            raise TargetGoneError
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise CallFailedError("status", status=status, retry_after=_seconds(retry_after, self._now()))

    async def _asked(self, session: aiohttp.ClientSession, call: Call) -> tuple[int, str | None]:
        """The answer's status, and its ``Retry-After``."""
        headers = {**self._headers, **call.headers, **carrier()}
        headers |= signed(self._keys, call.message_id, int(self._now()), call.body)
        with _translated():
            async with (
                asyncio.timeout(self._timeout),
                session.request(
                    call.method, self._url + call.path, data=call.body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                status = answer.status
                retry_after = answer.headers.get("Retry-After")
                await _read_some(answer)
        return status, retry_after


async def _read_some(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer, so that its connection can be used again; a long one ends with its connection."""
    got = 0
    while got < _MOST_ANSWER:
        piece = await answer.content.read(_MOST_ANSWER - got)
        if not piece:
            return
        got += len(piece)
    answer.close()


def _seconds(retry_after: str | None, now: float) -> float | None:
    """What ``Retry-After`` asks for: seconds or a date; None where it says nothing that can be read."""
    if retry_after is None or len(retry_after) > len("Wed, 21 Oct 2015 07:28:00 GMT") + 8:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), _LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.fromtimestamp(now, UTC)).total_seconds()), _LONGEST_RETRY_AFTER)


@contextmanager
def _translated() -> Generator[None]:
    """What goes wrong on the way, in one word."""
    try:
        yield
    except TimeoutError as error:
        raise CallFailedError("timeout") from error
    except aiohttp.ClientSSLError as error:
        raise CallFailedError("tls") from error
    except aiohttp.ClientConnectorDNSError as error:
        is_forbidden = isinstance(error.os_error, ForbiddenAddressError)
        raise CallFailedError("address" if is_forbidden else "dns") from error
    except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, ConnectionError) as error:
        raise CallFailedError("connect") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise CallFailedError("protocol") from error
