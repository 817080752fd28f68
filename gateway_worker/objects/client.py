"""One client of the S3 server, shared by all of this package: deadlines, and errors in the language of the program."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from miniopy_async.api import Minio  # pyright: ignore[reportMissingTypeStubs] (it ships none)
from miniopy_async.error import InvalidResponseError, MinioException, S3Error, ServerError

CALL_SECONDS: Final = 10.0
_MISSING: Final = frozenset({"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "ResourceNotFound"})
_BUSY: Final = frozenset({"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"})


class S3Client:
    """Connects when it is first asked; `stop` closes the connections.

    Every call raises `ConnectionError` (not reachable, or overloaded), `FileNotFoundError` (no such bucket or object),
    `PermissionError` (refused, with S3's code as its text) or `TimeoutError`; all of them are `OSError`s.

    Args:
        endpoint: ``host:port``, without a scheme.
        access_key, secret_key: who asks.
        secure: whether to speak TLS.
    """

    def __init__(self, *, endpoint: str, access_key: str, secret_key: str, secure: bool) -> None:
        self._connect = lambda: Minio(endpoint, access_key, secret_key, secure=secure)
        self._client: Any = None

    @asynccontextmanager
    async def calling(self, seconds: float | None = CALL_SECONDS) -> AsyncGenerator[Any]:
        """The driver's client, for what has to be done within one deadline; None: the caller has one of its own."""
        if self._client is None:
            self._client = self._connect()  # opens a session of aiohttp, which wants a running loop
        try:
            async with asyncio.timeout(seconds):
                yield self._client
        except S3Error as error:
            raise _translated(error.code or "") from error
        except (aiohttp.ClientError, ServerError, InvalidResponseError) as error:
            raise ConnectionError(type(error).__name__) from error
        except MinioException as error:
            raise PermissionError(type(error).__name__) from error

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close_session()


def _translated(code: str) -> OSError:
    if code in _MISSING:
        return FileNotFoundError(code)
    return ConnectionError(code) if code in _BUSY else PermissionError(code)
