"""Sounds and films, opened with PyAV (FFmpeg) and read as players read them: what is damaged is left out."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from gateway_worker.media.processing.faults import Fault

if TYPE_CHECKING:
    AnyPacket = Packet[Any]
else:
    AnyPacket = Packet  # which is generic in PyAV's stubs only

_DEMUXERS: Final = {
    "video/mp4": "mov",
    "video/3gpp": "mov",
    "video/quicktime": "mov",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aiff": "aiff",
    "audio/basic": "au",
    "audio/x-caf": "caf",
    "audio/x-ms-wma": "asf",
    "audio/gsm": "gsm",
    "audio/g722": "g722",
    "audio/x-mulaw": "mulaw",
    "audio/x-alaw": "alaw",
    "audio/x-slin": "s16le",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/mp2t": "mpegts",
    "video/mpeg": "mpeg",
    "video/mpv": "mpegvideo",
    "video/x-flv": "flv",
    "image/gif": "gif",
}
_TELEPHONE: Final = {"sample_rate": "8000"}
_HEADLESS: Final = frozenset({"audio/x-mulaw", "audio/x-alaw", "audio/x-slin"})
_STILLS: Final = frozenset({"mjpeg", "png", "bmp", "gif", "tiff", "webp"})
_MICROSECONDS: Final = av.time_base
_OGG: Final = "audio/ogg"
_OGG_HEAD: Final = 512
"""Bytes that are looked at: the first pages, each with the first bytes of its stream."""
_OGG_CODECS: Final = {
    b"\x80theora": "theora",
    b"BBCD\0": "dirac",
    b"OpusHead": "opus",
    b"\x01vorbis": "vorbis",
    b"Speex   ": "speex",
    b"\x7fFLAC": "flac",
}
"""By how a stream begins (RFC 5334, and each codec's own document); pictures before sounds."""


@contextmanager
def reading(source: Path, mimetype: str) -> Generator[InputContainer]:
    """Read as what it is, from a file that we opened: nothing else is ever opened for it.

    Its tags may be in any encoding: PyAV refuses the file for one that is not UTF-8, unless it is told not to.

    Raises:
        Fault: FFmpeg finds nothing in it.
    """
    with source.open("rb") as file, _opened(file, mimetype) as container:
        yield container


def _opened(file: BinaryIO, mimetype: str) -> InputContainer:
    form, options = _DEMUXERS[mimetype], _TELEPHONE if mimetype in _HEADLESS else {}
    try:
        return av.open(file, "r", format=form, options=options, metadata_errors="replace")
    except FFmpegError as error:
        raise Fault("unsupported", "unreadable", codec=_codec_said(file, mimetype)) from error


def _codec_said(file: BinaryIO, mimetype: str) -> str | None:
    """What an Ogg says it holds, where FFmpeg could not tell: it wants more pages than a file may have that is cut."""
    if mimetype != _OGG:
        return None
    file.seek(0)
    head = file.read(_OGG_HEAD)
    return next((name for begin, name in _OGG_CODECS.items() if begin in head), None)


def codec_of(stream: Stream) -> str:
    """The codec of a stream, whatever the decoder of it is called; `unknown` where FFmpeg has none."""
    context = cast("Any", stream.codec_context)
    return "unknown" if context is None else context.codec.canonical_name


def is_cover(stream: VideoStream) -> bool:
    """Whether a picture is that of a sound's cover."""
    return bool(stream.disposition & Disposition.attached_pic)


def is_still(stream: VideoStream) -> bool:
    """Whether it shows single pictures: a cover, or those of chapters."""
    return is_cover(stream) or codec_of(stream) in _STILLS


def seconds_of(container: InputContainer) -> int:
    """How long it lasts by its own account, rounded; 0 where it has none."""
    length = container.duration
    return 0 if length is None else max(1, round(length / _MICROSECONDS))


def start_of(container: InputContainer) -> float:
    """Seconds that its clock shows where it begins: recordings of broadcasts begin somewhere."""
    return max(0, container.start_time or 0) / _MICROSECONDS


def packets(container: InputContainer, *streams: Stream) -> Iterator[AnyPacket]:
    """Its packets, as far as it can be read."""
    found = container.demux(*streams)
    while True:
        try:
            packet = next(found, None)
        except FFmpegError:
            return
        if packet is None:
            return
        yield packet


class Decoding:
    """Decodes packets of one stream, without those that are damaged."""

    def __init__(self) -> None:
        self.damaged = self.good = 0
        self._codec: str | None = None

    def frames(self, packet: AnyPacket) -> list[Any]:
        """What is in a packet; nothing, where it is damaged."""
        self._codec = self._codec or codec_of(packet.stream)
        try:
            frames = packet.decode()
        except FFmpegError:
            self.damaged += 1
            return []
        self.good += bool(frames)
        return list(frames)

    def check(self) -> None:
        """Refuse what is mostly damaged, or empty."""
        if self.good == self.damaged == 0:
            raise Fault("unsupported", "empty", codec=self._codec)
        if self.good == 0 or self.damaged > self.good:
            raise Fault("unsupported", "unreadable", codec=self._codec, damaged=self.damaged)


def decoded(container: InputContainer, stream: Stream) -> Iterator[Any]:
    """The frames of a stream. Raises a `Fault` at the end, if more was damaged than not."""
    decoding = Decoding()
    for packet in packets(container, stream):
        yield from decoding.frames(packet)
    decoding.check()
