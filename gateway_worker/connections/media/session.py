"""The files of one session's messages: fetched one by one, each from WhatsApp straight into the bucket.

A file that is gone from WhatsApp's host is asked for from the sender's phone (our own phone passes that on). Whatever
is away only delays; what is not the file that the message tells of, or is nowhere any more, fails for good. So does one
with which a fault of ours shows again and again: it is told of as `internal`, and `media.fetch` tries it anew.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final, cast

import structlog

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.media_ports import Bucket, Downloads, MediaJobs
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.messages.files import MessageOfFile, Wanted, fetched_media, object_of
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.socket.waiting import ConnectionWaiter, connection_soon
from gateway_worker.objects.safe_mimetypes import safe_mimetype
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.media import NewMedia, PutMedia, RetryMedia, SettleMedia
from gateway_worker.store.operations.media_view import media_of
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import CausedBy, Json, MediaRecord, MediaState, MessageRecord
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from gateway_worker.whatsapp.downloads import FileGone, FileTooLarge, HostAway, NowhereToLook
from gateway_worker.whatsapp.errors import EngineError, NotOnPhone
from gateway_worker.whatsapp.media_cipher import FileDamaged
from gateway_worker.whatsapp.remote_files import FileRequest
from schemas.commands.commands import Command
from schemas.commands.messages import FetchMedia
from schemas.content.content import MEDIA_KINDS, Media
from schemas.errors import (
    CommandInvalid,
    GatewayError,
    Internal,
    MediaError,
    MediaTooLarge,
    MediaUnreachable,
    MediaUnsupported,
    MessageNotFound,
    SessionNotConnected,
)
from schemas.events.events import MEDIA_FAILED, MEDIA_READY
from schemas.events.failures import Failure
from schemas.events.media import MediaFailed, MediaReady
from schemas.names import MessageId, SessionId

_log = structlog.get_logger()

_PAUSES: Final = Pauses(first=2.0, longest=600.0)
_LINK_SECONDS: Final = 20.0
_PHONE_SECONDS: Final = 45.0
_PHONE_PATIENCE: Final = timedelta(days=2)  # a phone that is off so long does not keep the file waiting any longer
_HOST_PATIENCE: Final = timedelta(days=7)
MAX_CRASHES: Final = 10
"""How often in a row a fault of ours may show with one file: about a quarter of an hour, by the pauses between."""
_CRASHES: Final = "crashes"


class SessionMedia:
    """What is to be fetched for a session that this worker owns.

    Args:
        proxy: tells the session's proxy as it is now.
    """

    def __init__(
        self,
        writer: Writer,
        waiter: ConnectionWaiter,
        proxy: Callable[[], str | None],
        originals: Originals,
        *,
        clock: Clock,
        jobs: MediaJobs,
        observer: SessionObserver,
        rng: Random,
        storage: Storage,
        timeouts: Timeouts,
    ) -> None:
        self._writer = writer
        self._waiter = waiter
        self._clock = clock
        self._jobs = jobs
        self._observer = observer
        self._rng = rng
        self._storage = storage
        self._timeouts = timeouts
        self._proxy = proxy
        self._originals = originals

    @property
    def session_id(self) -> SessionId:
        """Whose files."""
        return self._writer.fence.session_id

    async def carry_out(self, record: MediaRecord, downloads: Downloads, bucket: Bucket) -> None:
        """Fetch one file and store how that went, whatever that is."""
        began = self._clock.monotonic()
        try:
            await self._try(record, downloads, bucket, began)
        except StaleEpoch:
            raise
        except Exception as error:  # noqa: BLE001 (a fault of ours in one file: it has an end, and the others go on)
            await self._crashed(record, error)

    async def _try(self, record: MediaRecord, downloads: Downloads, bucket: Bucket, began: float) -> None:
        wanted = Wanted.of(record)
        try:
            wanted = await self._store(record, wanted, downloads, bucket)
        except _Later as later:
            await self._again(record, later.wanted.to_json(), later.reason, record.attempts)
        except MediaError as error:
            await self._settle(record, wanted, MediaState.FAILED, error)
        else:
            self._observer.file_fetched(self._clock.monotonic() - began)
            await self._settle(record, wanted, MediaState.READY, None)

    async def _crashed(self, record: MediaRecord, error: Exception) -> None:
        crashes = cast("int", record.value.get(_CRASHES, 0)) + 1  # it goes with the first try that ends as it should
        said_once = error if crashes == 1 else None
        _log.error(
            "media.crashed", session=self.session_id, crashes=crashes, kind=type(error).__name__, exc_info=said_once
        )
        if crashes < MAX_CRASHES:
            await self._again(record, {**record.value, _CRASHES: crashes}, "crashed", crashes - 1)
        else:
            await self._settle(record, Wanted.of(record), MediaState.FAILED, Internal())

    async def _store(self, record: MediaRecord, wanted: Wanted, downloads: Downloads, bucket: Bucket) -> Wanted:
        try:
            try:
                return await self._download(record, wanted, downloads, bucket)
            except FileGone:
                wanted = await self._from_phone(record, wanted)
                return await self._download(record, wanted, downloads, bucket)
        except FileDamaged as error:
            raise MediaUnsupported(detail={"reason": "damaged", "check": str(error)}) from error
        except FileTooLarge as error:
            raise MediaTooLarge(detail={"limit": wanted.limit}) from error
        except NowhereToLook as error:
            raise MediaUnreachable(detail={"reason": "no_place"}) from error
        except FileGone as error:  # also what the phone uploaded just now
            raise _Later(wanted, "gone") from error
        except HostAway as error:
            if self._clock.now() - record.created_at > _HOST_PATIENCE:
                raise MediaUnreachable(detail={"reason": "host"}) from error
            _log.info("media.host_away", session=self.session_id, error=str(error))
            raise _Later(wanted, "host_away") from error
        except OSError as error:
            _log.info("media.bucket_away", session=self.session_id, error=type(error).__name__)
            raise _Later(wanted, "bucket_away") from error

    async def _download(self, record: MediaRecord, wanted: Wanted, downloads: Downloads, bucket: Bucket) -> Wanted:
        declared = wanted.described.get("mimetype")
        async with downloads.opened(wanted.file, proxy=self._proxy(), limit=wanted.limit) as file:
            kind = await bucket.put(
                record.object,
                file,
                lambda head: safe_mimetype(wanted.kind, declared if isinstance(declared, str) else None, head),
            )
            return wanted.found(mimetype=kind, size=file.size, sha256=file.sha256)

    async def _from_phone(self, record: MediaRecord, wanted: Wanted) -> Wanted:
        """Where the sender's phone has put the file anew."""
        now = self._clock.now()
        wanted = wanted.refused(now)
        assert wanted.refused_at is not None, "it was refused"
        request = FileRequest(
            message_id=record.message_id,
            chat=wanted.chat,
            participant=wanted.author,
            from_me=wanted.from_me,
            media_key=wanted.file.media_key,
        )
        try:
            async with asyncio.timeout(_LINK_SECONDS):
                attempt = await connection_soon(self._waiter)
            async with asyncio.timeout(_PHONE_SECONDS):
                return wanted.at(await attempt.connection.ask_for_file(request))
        except NotOnPhone as error:
            raise MediaUnreachable(detail={"reason": "not_on_phone"}) from error
        except (EngineError, GatewayError, TimeoutError) as error:
            if now.timestamp() - wanted.refused_at > _PHONE_PATIENCE.total_seconds():
                raise MediaUnreachable(detail={"reason": "phone"}) from error
            _log.info("media.phone_away", session=self.session_id, error=type(error).__name__)
            raise _Later(wanted, "phone_away") from error

    async def _again(self, record: MediaRecord, value: Json, reason: str, attempts: int) -> None:
        delay = _PAUSES.after(attempts + 1) * (0.75 + self._rng.random() / 2)
        _log.info("media.delayed", session=self.session_id, reason=reason, attempts=attempts, seconds=delay)
        self._observer.file_delayed(reason)
        next_try = self._clock.now() + timedelta(seconds=delay)
        await self._writer.write_surely(
            RetryMedia(message_id=record.message_id, number=record.number, next_try=next_try, value=value)
        )

    async def _settle(self, record: MediaRecord, wanted: Wanted, state: MediaState, error: GatewayError | None) -> None:
        failure = None if error is None else Failure.of(error)
        if error is not None:
            self._observer.file_failed(error.code)
        event = self._event(record, wanted, state, failure)
        _log.info(
            "media.settled", session=self.session_id, state=state.value, code=None if error is None else error.code
        )
        await self._writer.write_surely(
            SettleMedia(
                message_id=record.message_id,
                number=record.number,
                state=state,
                value=replace(wanted, caused_by=None).to_json(),
                caused_by=wanted.caused_by,
                error=None if failure is None else failure.to_data(),
                event_type=(MEDIA_READY if failure is None else MEDIA_FAILED).type,
                event=event.to_data(),
                size=event.media.size or 0,
            )
        )

    def _event(
        self, record: MediaRecord, wanted: Wanted, state: MediaState, failure: Failure | None
    ) -> MediaReady | MediaFailed:
        media = Media.model_validate(media_of(state, record.object, {"media": wanted.described}))
        if failure is None:
            return MediaReady(session_id=self.session_id, message_id=record.message_id, chat=wanted.chat, media=media)
        return MediaFailed(
            session_id=self.session_id, message_id=record.message_id, chat=wanted.chat, media=media, error=failure
        )

    async def fetch(self, command: Command[FetchMedia]) -> None:
        """Have the file of a stored message fetched (again), or tell once more that it is there.

        Raises:
            MessageNotFound: no such message is stored, or it was deleted for everyone.
            CommandInvalid: it has no file.
            MediaUnreachable: it does not say where its file lies; it never left, say.
            SessionNotConnected: its row is gone, and there is no connection that could tell where it lies.
            GatewayError: the same, and none will come by itself.
        """
        message_id, caused_by = MessageId(command.data.message_id), CausedBy.by(command)
        storage, media = self._storage, self._jobs
        message = await self._originals.named(command.data.refers_to)
        if message is None or (await self._originals.as_it_stands(message, None)).is_revoked:
            raise MessageNotFound(detail={"messageId": message_id})
        if message.kind not in MEDIA_KINDS:
            raise CommandInvalid.at("data.messageId", "is not a message with media")
        name = (message_id, message.number)
        record = (await until_stored(lambda: storage.media.of(self.session_id, [name]))).get(name)
        if record is not None and record.state is MediaState.READY and await media.has(record.object):
            event = self._event(record, Wanted.of(record), record.state, None)
            await self._writer.write_surely(
                AppendEvent(type=MEDIA_READY.type, data=event.to_data(), caused_by=caused_by)
            )
            return
        if record is None:
            new = await self._unknown(message, caused_by)
        else:
            value = Wanted.of(record).asked_for(caused_by).to_json()
            new = NewMedia(state=MediaState.PENDING, object=record.object, value=value)
        await self._writer.write_surely(PutMedia(message_id=message_id, number=message.number, media=new))
        media.arrived(self.session_id)

    async def _unknown(self, message: MessageRecord, caused_by: CausedBy) -> NewMedia:
        """Where the file of a message lies that we sent, or whose row is gone: its own words tell."""
        storage = self._storage
        name = message.message_id, message.number
        plaintext = await until_stored(lambda: storage.messages.plaintext(self.session_id, *name))
        if plaintext is None:
            raise MediaUnreachable(detail={"reason": "no_place"})
        try:
            async with asyncio.timeout(self._timeouts.query):
                attempt = await connection_soon(self._waiter)
                found = await attempt.connection.file_in(plaintext)
        except (EngineError, TimeoutError) as error:
            raise SessionNotConnected(detail={"state": self._waiter.state.value}) from error
        if found is None:
            raise MediaUnreachable(detail={"reason": "no_place"})
        file, media = found
        named = MessageOfFile(
            message_id=message.message_id, chat=message.chat, author=message.sender or "", from_me=message.from_me
        )
        key = object_of(self.session_id, named, self._clock.now())
        return fetched_media(message, file, media, key, caused_by)


class _Later(Exception):  # noqa: N818 (reads as what it says)
    """It cannot be fetched now."""

    def __init__(self, wanted: Wanted, reason: str) -> None:
        super().__init__(reason)
        self.wanted = wanted
        self.reason = reason
