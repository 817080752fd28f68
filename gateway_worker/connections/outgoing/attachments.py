"""Files of outgoing messages: prepared and uploaded before their turn, while other chats go on.

What WhatsApp's media host has already is not uploaded again, as long as it is still there. An upload that a connection
took with it is made again on the next; one that fails while the connection lives is tried a few times.
"""

import asyncio
from typing import Final

import structlog

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.ports import Files
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.outgoing.mapping import file_content
from gateway_worker.connections.socket.waiting import ConnectionWaiter
from gateway_worker.media.prepared import PreparedFile
from gateway_worker.store.operations.media import PutUpload
from gateway_worker.store.operations.messages import ReplaceContent
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import until_it_works
from gateway_worker.whatsapp.errors import EngineError, NotConnected, StoreRefused
from gateway_worker.whatsapp.files import (
    FILE_CLASSES,
    FileClass,
    FileMessage,
    FileReference,
    reference_data,
    reference_of,
)
from schemas.content.content import MediaState
from schemas.content.outgoing_media import OutgoingFile, OutgoingVideo
from schemas.errors import MediaUnreachable, Unavailable
from schemas.names import MessageId

MAX_UPLOADS: Final = 4
"""How often one is tried while connections live."""
_PAUSES: Final = Pauses(first=1.0, longest=15.0)
_LEAST_SECONDS: Final = 60.0
_LEAST_BYTES_PER_SECOND: Final = 32 * 1024

_log = structlog.get_logger()


class Attachments:
    """Attaches the files of one session's messages."""

    def __init__(
        self,
        writer: Writer,
        waiter: ConnectionWaiter,
        *,
        clock: Clock,
        files: Files,
        observer: SessionObserver,
        storage: Storage,
        timeouts: Timeouts,
    ) -> None:
        self._writer = writer
        self._session_id = writer.fence.session_id
        self._waiter = waiter
        self._clock = clock
        self._files = files
        self._observer = observer
        self._storage = storage
        self._timeouts = timeouts

    async def attach(self, message_id: MessageId, content: OutgoingFile) -> FileMessage:
        """The content with its file, which lies at WhatsApp's media host when this returns.

        Waits as long as our own bucket or disk is in the way; cancel it when that takes too long.

        Raises:
            GatewayError: it cannot be had, or not be sent, or there is no connection and none will come.
        """

        def held(why: BaseException, _pause: float) -> None:
            _log.warning("media.waiting", session=self._session_id, message_id=message_id, reason=str(why))
            self._observer.file_held()

        persistently = until_it_works(Unavailable, _PAUSES, held)
        return await persistently(self._attach, message_id, content)

    async def _attach(self, message_id: MessageId, content: OutgoingFile) -> FileMessage:
        kind = "gif" if isinstance(content, OutgoingVideo) and content.gif else content.kind
        async with self._files.prepare(kind, content.media, party=self._session_id) as file:
            reference = await self._reference(file, FILE_CLASSES[content.kind])
        shown = file_content(content, MediaState.READY, file)
        await self._writer.write_surely(ReplaceContent(message_id=message_id, content=shown.to_data()))
        given = getattr(content, "seconds", None)
        return FileMessage(
            content=shown,
            reference=reference,
            width=file.width,
            height=file.height,
            seconds=file.seconds if given is None else given,
            thumbnail=file.thumbnail,
            waveform=file.waveform,
        )

    async def _reference(self, file: PreparedFile, file_class: FileClass) -> FileReference:
        known = await self._known(file, file_class)
        if known is not None:
            self._observer.file_reused()
            return known
        reference = await self._upload(file, file_class)
        await self._writer.write_surely(
            PutUpload(
                file_class=file_class.value, sha256=file.sha256, size=file.size, reference=reference_data(reference)
            )
        )
        return reference

    async def _known(self, file: PreparedFile, file_class: FileClass) -> FileReference | None:
        """What was uploaded earlier and is still there."""
        uploads = self._storage.uploads
        found = await until_stored(lambda: uploads.find(self._session_id, file_class.value, file.sha256))
        if found is None:
            return None
        reference = reference_of(found)
        attempt = await self._waiter.connected()
        try:
            async with asyncio.timeout(self._timeouts.query):
                return reference if await attempt.connection.holds(reference) else None
        except (EngineError, TimeoutError):
            return None

    async def _upload(self, file: PreparedFile, file_class: FileClass) -> FileReference:
        for failures in range(1, MAX_UPLOADS + 1):
            reference = await self._upload_once(file, file_class)
            if reference is not None:
                return reference
            await asyncio.sleep(_PAUSES.after(failures))
        raise MediaUnreachable("WhatsApp's media host did not take the file.", detail={"reason": "upload"})

    async def _upload_once(self, file: PreparedFile, file_class: FileClass) -> FileReference | None:
        """None: it failed, and not because the connection ended."""
        while True:
            attempt = await self._waiter.connected()
            began = self._clock.monotonic()
            try:
                async with asyncio.timeout(_LEAST_SECONDS + file.size / _LEAST_BYTES_PER_SECOND):
                    reference = await attempt.connection.upload(file.path, file_class)
            except (NotConnected, StoreRefused):
                await attempt.really_ended()
            except (EngineError, TimeoutError) as error:
                _log.warning("media.upload_failed", session=self._session_id, error=type(error).__name__)
                self._observer.upload_failed()
                return None
            else:
                self._observer.file_uploaded(self._clock.monotonic() - began)
                return reference
