"""What the phone puts at WhatsApp's media host for its companions: parts of its history and of the app state.

It is asked for until the host has answered.
"""

from typing import Final

import structlog

from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import until_it_works
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.baileys.channel.questions import FileArguments
from gateway_worker.whatsapp.downloads import DownloadFailed, Downloads, FileDamaged, HostAway
from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile

MAX_PART: Final = 12 << 20  # bytes, of a history compressed; it goes to the bridge in one frame
_LONGEST_PAUSE: Final = 60.0
_read: Final = Reader(FileArguments)
_log = structlog.get_logger(__name__)


class PhoneFiles:
    """Fetches it for one session. `proxy` is the session's; the pause, in seconds, doubles."""

    def __init__(self, downloads: Downloads, proxy: str | None, *, first_pause: float = 1.0) -> None:
        self._downloads = downloads
        self._proxy = proxy
        self._pauses = Pauses(first=first_pause, longest=_LONGEST_PAUSE)

    async def fetch(self, file: RemoteFile) -> bytes | None:
        """The file, as large as `MAX_PART` at most; None when nobody will ever get it."""
        persistently = until_it_works(HostAway, self._pauses, _host_away)
        try:
            return await persistently(self._read, file)
        except (DownloadFailed, FileDamaged) as error:
            _log.warning("phone_file.lost", error=type(error).__name__)
            return None

    async def _read(self, file: RemoteFile) -> bytes:
        async with self._downloads.opened(file, proxy=self._proxy, limit=MAX_PART) as incoming:
            return await incoming.read(MAX_PART + 1)  # to its end, where it is checked


def _host_away(why: BaseException, pause: float) -> None:
    _log.info("phone_file.host_away", reason=str(why), retry_in_seconds=pause)


def phone_file_of(payload: object) -> RemoteFile:
    """Where a file lies, in the bridge's words."""
    place = _read.read(payload)
    return RemoteFile(
        key_class=KeyClass(place["key_class"]),
        url=None,
        direct_path=place["direct_path"],
        media_key=bytes.fromhex(place["media_key"]),
        sha256=_bytes(place["sha256"]),
        encrypted_sha256=_bytes(place["encrypted_sha256"]),
        size=place["size"],
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
