"""Pictures of films, encoded anew as H.264, in the manner that the time for a file allows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, cast

from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import flat
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.reading import AnyPacket, Decoding, codec_of

_FLATTEST: Final = 4  # of pixels that can be true
_CLEAR: Final = frozenset({"bgra", "rgba", "argb", "abgr", "pal8"})
_CLOCK: Final = Fraction(1, 90_000)
_NOMINAL_RATE: Final = 30  # frames have times of their own; this is what a player expects before it has read them
_QUALITY: Final = "26"  # x264's constant rate factor
_MANNERS: Final = ((1280, "superfast"), (848, "superfast"), (848, "ultrafast"), (640, "ultrafast"))
"""Longest side and preset, best first."""
_DECODED: Final = {"vp8": 200e6, "gif": 100e6, "mpeg4": 200e6, "mpeg2video": 200e6, "mpeg1video": 200e6}
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
    return manner_for(codec_of(video), shown_size(video), frames, turned)


def manner_for(codec: str, size: tuple[int, int], frames: int, turned: int = 0) -> Manner:
    """The same for so many frames of a codec; `size` is its width and height before it is turned."""
    width, height = reversed(size) if turned % 180 else size
    reading = frames * width * height / _DECODED.get(codec, _DECODED_ELSE)
    for side, preset in _MANNERS:
        share = min(1.0, side / max(width, height))
        fitted = Manner(width=_even(width * share), height=_even(height * share), preset=preset, turned=turned)
        if reading + frames * fitted.width * fitted.height / _ENCODED[preset] <= limits.MAX_CONVERSION:
            return fitted
    raise Fault(
        "too_large", "work", codec=codec, width=width, height=height, frames=frames, limit=limits.MAX_CONVERSION
    )


def shown_size(video: VideoStream) -> tuple[int, int]:
    """Width and height as it is shown: the pixels of old cameras and of broadcasts are no squares."""
    width, height = video.codec_context.width, video.codec_context.height
    aspect = video.sample_aspect_ratio
    if not aspect or not 1 / _FLATTEST <= aspect <= _FLATTEST:
        return width, height
    return round(width * aspect), height


def decoding_times(packets: Iterable[AnyPacket]) -> list[int]:
    """When packets are decoded that tell only when they are shown, as Matroska's do: in that order, early enough."""
    shown = [packet.pts for packet in packets if packet.pts is not None]
    decoded = sorted(shown)
    late = max((then - now for then, now in zip(decoded, shown, strict=True)), default=0)
    return [then - late for then in decoded]


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
            when = frame.dts if frame.pts is None else frame.pts  # AVI knows only when a frame is decoded
            yield from self.show(frame, (when or 0) * frame.time_base)

    def show(self, frame: Any, seconds: Fraction) -> Iterator[AnyPacket]:
        """What the encoder gives for a frame that is shown from then on."""
        fitted = self._fitted(frame)
        self._last = at = max(round(seconds / _CLOCK), self._last + 1)
        fitted.pts, fitted.time_base, fitted.pict_type = at, _CLOCK, 0
        yield from self._stream.encode(fitted)

    def end(self) -> Iterator[AnyPacket]:
        """Raises a `Fault` if more was damaged than not."""
        self._decoding.check()
        yield from self.rest()

    def rest(self) -> Iterator[AnyPacket]:
        """What the encoder holds back."""
        yield from self._stream.encode(None)

    def _fitted(self, frame: Any) -> Any:
        if self._turned or frame.format.name in _CLEAR:
            picture = flat(cast("Image.Image", frame.to_image()))
            frame = cast("Any", VideoFrame.from_image(picture.rotate(self._turned, expand=True)))
        return frame.reformat(self._stream.width, self._stream.height, "yuv420p")


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
