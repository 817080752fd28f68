"""One client of the S3 server, shared by all of this package: deadlines, and errors in the language of the program."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import aiohttp
from miniopy_async.api import Minio  # pyright: ignore[reportMissingTypeStubs] (it ships none)
from miniopy_async.error import InvalidResponseError, MinioException, S3Error, ServerError

from gateway_worker.objects.errors import Request, S3AwayError, S3MissingError, S3RefusedError, why_away

CALL_SECONDS: Final = 10.0
_MISSING: Final = frozenset({"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "ResourceNotFound"})
_CONNECTIONS: Final = 10
_IDLE_SECONDS: Final = 300.0
_OF_PARTS: Final = {
    "DELETE": "AbortMultipartUpload",
    "GET": "ListMultipartUploadParts",
    "PUT": "PutObject",
    "POST": "PutObject",
}
_OF_OBJECTS: Final = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}
_OF_BUCKETS: Final = {"PUT": "CreateBucket", "GET": "ListBucket", "HEAD": "ListBucket"}
_OF_QUERIES: Final = {"location": "GetBucketLocation", "versions": "ListBucketVersions"}
_BUSY: Final = frozenset({"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"})


class S3Client:
    """Connects when it is first asked; `stop` closes the connections.

    Every call raises what `objects.errors` tells of, or `TimeoutError`.

    Args:
        endpoint: ``host:port``, without a scheme.
        access_key, secret_key: who asks.
        secure: whether to speak TLS.
        region: of the buckets. None: S3 is asked, which needs the right GetBucketLocation.
        ca_file: of a CA that is trusted besides those that everybody trusts.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        access_key: str,
        secret_key: str,
        secure: bool,
        region: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._connect = lambda: Minio(
            endpoint, access_key, secret_key, secure=secure, region=region, session=_session(ca_file)
        )
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
            raise _translated(error) from error
        except (aiohttp.ClientError, ServerError, InvalidResponseError, ET.ParseError) as error:
            raise S3AwayError(why_away(error)) from error
        except MinioException as error:
            raise S3RefusedError(type(error).__name__) from error

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close_session()


def _session(ca_file: Path | None) -> aiohttp.ClientSession | None:
    """One that trusts a CA besides; None: the driver makes its own."""
    if ca_file is None:
        return None
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(cafile=ca_file)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trusted),
        timeout=aiohttp.ClientTimeout(connect=_IDLE_SECONDS, sock_read=_IDLE_SECONDS),
    )


def _translated(error: S3Error) -> OSError:
    code = error.code or ""
    named = str(error).partition("bucket_name: ")[2].partition(",")[0]  # the driver tells it nowhere else
    request = _asked(error.response, named)
    if code in _MISSING:
        return S3MissingError(code, request)
    return S3AwayError(code) if code in _BUSY else S3RefusedError(code, request)


def _asked(response: aiohttp.ClientResponse, bucket: str) -> Request:
    url = response.url
    path = url.path.strip("/")
    bucket = bucket or path.partition("/")[0]
    of_object = path not in {"", bucket}
    return Request(right=right_of(response.method, of_object=of_object, query=url.query), bucket=bucket)


def right_of(method: str, *, of_object: bool, query: Mapping[str, str]) -> str:
    """Which right of S3 a request needs. Pure."""
    if "uploads" in query:
        return "PutObject" if method == "POST" else "ListBucketMultipartUploads"
    if "uploadId" in query:
        return _OF_PARTS.get(method, method)
    if of_object:
        name = _OF_OBJECTS.get(method, method)
        return f"{name}Version" if method == "DELETE" and "versionId" in query else name
    return next((right for name, right in _OF_QUERIES.items() if name in query), _OF_BUCKETS.get(method, method))
