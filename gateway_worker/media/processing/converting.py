"""A film becomes an MP4 with H.264 and AAC: what fits already is copied, what does not is encoded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol, cast

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import flat
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.reading import AnyPacket, Decoding, codec_of
from gateway_worker.media.processing.resampling import Fitting

_CLEAR: Final = frozenset({"bgra", "rgba", "argb", "abgr", "pal8"})
_CLOCK: Final = Fraction(1, 90_000)
_NOMINAL_RATE: Final = 30  # frames have times of their own; this is what a player expects before it has read them
_SOUND_RATE, _SOUND_BITS = 48_000, 128_000
_QUALITY: Final = "26"  # x264's constant rate factor
_MANNERS: Final = ((1280, "superfast"), (848, "superfast"), (848, "ultrafast"), (640, "ultrafast"))
"""Longest side and preset, best first."""
_DECODED: Final = {"vp8": 200e6, "gif": 100e6}
_DECODED_ELSE: Final = 80e6
_ENCODED: Final = {"superfast": 50e6, "ultrafast": 100e6}
"""Pixels in a second of processor time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a picture is encoded."""

    width: int
    height: int
    preset: str
    turned: int


def manner_of(video: VideoStream, frames: int, turned: int) -> Manner:
    """The best that can be done with so many frames, to be `turned` by degrees, in the time that a file has.

    Raises:
        Fault: nothing can.
    """
    width, height, codec = video.codec_context.width, video.codec_context.height, codec_of(video)
    width, height = (height, width) if turned % 180 else (width, height)
    reading = frames * width * height / _DECODED.get(codec, _DECODED_ELSE)
    for side, preset in _MANNERS:
        share = min(1.0, side / max(width, height))
        fitted = Manner(width=_even(width * share), height=_even(height * share), preset=preset, turned=turned)
        if reading + frames * fitted.width * fitted.height / _ENCODED[preset] <= limits.MAX_CONVERSION:
            return fitted
    raise Fault(
        "too_large", "work", codec=codec, width=width, height=height, frames=frames, limit=limits.MAX_CONVERSION
    )


def decoding_times(packets: Iterable[AnyPacket]) -> list[int]:
    """When packets are decoded that tell only when they are shown, as Matroska's do: in that order, early enough."""
    shown = [packet.pts for packet in packets if packet.pts is not None]
    decoded = sorted(shown)
    late = max((then - now for then, now in zip(decoded, shown, strict=True)), default=0)
    return [then - late for then in decoded]


class Track(Protocol):
    """One stream of the film that is made."""

    def put(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """Packets of it, of one of the source."""
        ...

    def end(self) -> Iterator[AnyPacket]:
        """The last ones."""
        ...


class Copy:
    """A stream that fits as it is.

    Args:
        times: when each packet is decoded, in order, where its container does not say it.
    """

    def __init__(self, made: OutputContainer, source: Stream, times: Sequence[int] = ()) -> None:
        self._stream = made.add_stream_from_template(cast("Any", source))
        self._times = iter(times)
        if codec_of(source) == "hevc":
            self._stream.codec_context.codec_tag = "hvc1"  # what iPhones play

    def put(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """The same packet; one without a time has nothing in it."""
        if packet.pts is None and packet.dts is None:
            return
        packet.dts = next(self._times, packet.dts)
        packet.stream = self._stream
        yield packet

    def end(self) -> Iterator[AnyPacket]:
        """Nothing was held back."""
        return iter(())


class Picture:
    """A picture encoded anew; frames keep their times."""

    def __init__(self, made: OutputContainer, manner: Manner) -> None:
        options = {"preset": manner.preset, "crf": _QUALITY}
        self._stream: Any = made.add_stream("libx264", rate=_NOMINAL_RATE, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = manner.width, manner.height, "yuv420p"
        self._stream.codec_context.time_base = _CLOCK
        self._stream.codec_context.thread_count = 1
        self._turned = manner.turned
        self._decoding = Decoding()
        self._last = -1

    def put(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What the encoder gives for the frames of it."""
        for frame in self._decoding.frames(packet):
            fitted = self._fitted(frame)
            at = round((frame.pts or 0) * frame.time_base / _CLOCK)
            self._last = at = max(at, self._last + 1)
            fitted.pts, fitted.time_base, fitted.pict_type = at, _CLOCK, 0
            yield from self._stream.encode(fitted)

    def end(self) -> Iterator[AnyPacket]:
        """Raises a `Fault` if more was damaged than not."""
        self._decoding.check()
        yield from self._stream.encode(None)

    def _fitted(self, frame: Any) -> Any:
        if self._turned or frame.format.name in _CLEAR:
            picture = flat(cast("Image.Image", frame.to_image()))
            frame = cast("Any", VideoFrame.from_image(picture.rotate(self._turned, expand=True)))
        return frame.reformat(self._stream.width, self._stream.height, "yuv420p")


class Sound:
    """A sound encoded anew, in step with its picture."""

    def __init__(self, made: OutputContainer, source: AudioStream) -> None:
        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._stream: Any = made.add_stream("aac", rate=_SOUND_RATE, layout=layout)
        self._stream.bit_rate = _SOUND_BITS
        self._fitting = Fitting(rate=_SOUND_RATE, layout=layout, form="fltp", keep_gaps=True)
        self._decoding = Decoding()

    def put(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What the encoder gives for the frames of it."""
        for frame in self._decoding.frames(packet):
            for fitted in self._fitting.fit(frame):
                yield from self._stream.encode(fitted)

    def end(self) -> Iterator[AnyPacket]:
        """What was held back."""
        for fitted in self._fitting.end():
            yield from self._stream.encode(fitted)
        yield from self._stream.encode(None)


class Conversion:
    """Puts the packets of a film into an MP4. Each stream is made as its own `Track` does."""

    def __init__(self, made: OutputContainer, tracks: dict[int, Track]) -> None:
        self._made = made
        self._tracks = tracks
        self.seconds = 0.0

    def put(self, packet: AnyPacket) -> None:
        """One packet of the source; of a stream that is not wanted, nothing."""
        if (track := self._tracks.get(packet.stream.index)) is not None:
            self._mux(track.put(packet))

    def end(self) -> None:
        """The rest of all streams."""
        for track in self._tracks.values():
            self._mux(track.end())

    def _mux(self, packets: Iterator[AnyPacket]) -> None:
        for packet in packets:
            if packet.pts is not None:
                self.seconds = max(self.seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            try:
                self._made.mux(packet)
            except FFmpegError as error:
                raise Fault("unsupported", "unreadable") from error


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
