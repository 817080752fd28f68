"""From a command's source to a file that WhatsApp's clients will show: fetch, sniff, make, measure."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from gateway_worker.media.errors import too_large, unreachable, unsupported
from gateway_worker.media.fetching import Fetcher
from gateway_worker.media.limits import MAX_BYTES, MOVING
from gateway_worker.media.prepared import PreparedFile
from gateway_worker.media.receiving import receive
from gateway_worker.media.signatures import UNKNOWN
from gateway_worker.media.sniffing import HEAD, document_type, look
from gateway_worker.media.spool import Spool, SpoolFolder
from gateway_worker.media.worker_pool import WorkerPool
from schemas.content.outgoing_media import MAX_INLINE, MediaSource
from schemas.errors import Unavailable

_SOUNDS: Final = frozenset(
    {
        *("audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/ogg", "audio/wav", "audio/flac"),
        *("video/mp4", "video/3gpp", "video/quicktime", "video/x-matroska"),  # sound alone may be in them
        *("audio/basic", "audio/aiff", "audio/x-caf", "audio/x-ms-wma"),
        *("audio/gsm", "audio/g722", "audio/x-mulaw", "audio/x-alaw", "audio/x-slin"),  # of telephones
    }
)
_FILMS: Final = frozenset(
    {
        *("video/mp4", "video/3gpp", "video/quicktime", "video/x-matroska", "video/x-msvideo", "video/x-flv"),
        *(
            "video/mp2t",
            "video/mpeg",
            "video/mpv",
            "audio/ogg",
            "audio/x-ms-wma",
        ),  # of the last two: Theora, Windows Media
    }
)
_PICTURES: Final = frozenset(
    {
        *("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff"),
        *("image/heic", "image/heif", "image/avif"),
    }
)
_ACCEPTED: Final = {
    "image": _PICTURES,
    "sticker": _PICTURES,
    "profile_picture": _PICTURES,
    "video": _FILMS,
    "gif": _FILMS | MOVING | {"image/gif"},
    "audio": _SOUNDS,
    "voice": _SOUNDS,
}
_HASHED: Final = 1024 * 1024
_OUR_FAULT: Final = frozenset(
    {
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed"),
        *("ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestTimeTooSkewed"),
    }
)
"""S3's refusals that say nothing of the object: whoever runs the worker can mend its credentials or its clock."""


class Bucket(Protocol):
    """The media bucket."""

    def reading(self, key: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """An object's bytes. Raises `FileNotFoundError`, or another `OSError`: its text begins with S3's code."""
        ...


class BucketAway(Unavailable):
    """The media bucket cannot be reached."""

    sentence = "The media bucket is not available."


class Preparation:
    """Prepares files, each in a folder of its own that is gone afterwards.

    Args:
        spool: where they lie meanwhile.
        fetcher: opens links.
        bucket: holds objects.
        pool: where they are decoded.
        max_document: bytes of a document; other kinds have WhatsApp's limits.
    """

    def __init__(self, *, spool: Spool, fetcher: Fetcher, bucket: Bucket, pool: WorkerPool, max_document: int) -> None:
        self._spool = spool
        self._fetcher = fetcher
        self._bucket = bucket
        self._pool = pool
        self._limits = {**MAX_BYTES, "document": min(max_document, MAX_BYTES["document"])}

    @asynccontextmanager
    async def prepare(self, kind: str, source: MediaSource, *, party: str) -> AsyncGenerator[PreparedFile]:
        """The file, ready to be sent as `kind`, as long as the block runs; of one `party` (a session) one is decoded.

        A `kind` is one of the contract's; ``gif`` is a video that plays like one, ``profile_picture`` a square JPEG.

        Raises:
            MediaError: it cannot be had, or not be sent; `detail.reason` says why.
            Unavailable: a service or the disk of ours is in the way; later it may work.
        """
        async with self._spool.job() as job:
            received = await self._receive(kind, source, job)
            yield await self._made(kind, source, received, job, party)

    async def _receive(self, kind: str, source: MediaSource, job: SpoolFolder) -> Path:
        limit = self._limits[kind]
        if source.base64 is not None:
            return await receive(_inline(source.base64), job, "source", limit)
        if source.url is not None:
            async with self._fetcher.reading(source.url, limit) as pieces:
                return await receive(pieces, job, "source", limit)
        assert source.object is not None, "one of the three is given"
        try:
            async with self._bucket.reading(source.object) as pieces:
                return await receive(pieces, job, "source", limit)
        except (FileNotFoundError, PermissionError) as error:
            if str(error).partition(": ")[0] in _OUR_FAULT:
                raise BucketAway from error
            raise unreachable("missing") from error
        except (OSError, TimeoutError) as error:
            raise BucketAway from error

    async def _made(self, kind: str, source: MediaSource, received: Path, job: SpoolFolder, party: str) -> PreparedFile:
        if kind == "document":
            named = await asyncio.to_thread(_document_type, received, source)
            return await _measured(received, {"mimetype": named})
        mimetype = await asyncio.to_thread(look, received, source.mimetype, source.name)
        if mimetype not in _ACCEPTED[kind]:
            found = mimetype
            if found == UNKNOWN:  # nothing that any kind takes: it may have a name all the same
                found = await asyncio.to_thread(_document_type, received, source)
            raise unsupported("type", found=found, accepted=sorted(_ACCEPTED[kind]))
        target = job.path("target")
        made = await self._pool.make(kind, mimetype, received, target, party=party)
        result = received
        if made.get("converted"):
            job.take(target.stat().st_size)
            result = target
        return await _measured(result, {"mimetype": mimetype, **made})


async def _measured(path: Path, made: dict[str, Any]) -> PreparedFile:
    size, sha256 = await asyncio.to_thread(_measure, path)
    return PreparedFile(
        path=path,
        size=size,
        sha256=sha256,
        mimetype=made["mimetype"],
        width=made.get("width"),
        height=made.get("height"),
        seconds=made.get("seconds"),
        animated=made.get("animated"),
        thumbnail=_bytes(made.get("thumbnail")),
        waveform=_bytes(made.get("waveform")),
    )


async def _inline(text: str) -> AsyncIterator[bytes]:
    if (size := len(text) * 3 // 4 - text.count("=")) > MAX_INLINE:
        raise too_large("bytes", MAX_INLINE, size=size)
    yield base64.b64decode(text, validate=True)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _document_type(path: Path, source: MediaSource) -> str:
    with path.open("rb") as file:
        return document_type(file.read(HEAD), source.mimetype, source.name)


def _measure(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_HASHED):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
