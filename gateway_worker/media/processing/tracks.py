"""Films and sounds become an MP4: each stream is copied or encoded, packet by packet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, cast

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.stream import Stream

from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.reading import AnyPacket, Decoding, codec_of
from gateway_worker.media.processing.resampling import Fitting

FASTSTART: Final = {"movflags": "+faststart"}
"""Options of the MP4 muxer: players may begin before they have all of it."""

_SOUND_RATE, _SOUND_BITS = 48_000, 128_000


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
        """The same packet; one without a time has nothing in it, and nobody can play one that is cut off."""
        if packet.pts is None and packet.dts is None:
            return
        packet.dts = next(self._times, packet.dts)
        if packet.is_corrupt:
            return
        packet.stream = self._stream
        yield packet

    def end(self) -> Iterator[AnyPacket]:
        """Nothing was held back."""
        return iter(())


class Sound:
    """A sound encoded anew, in step with its picture.

    Args:
        must_sound: it is all that there is: silence beside a film is no fault of the film.
    """

    def __init__(self, made: OutputContainer, source: AudioStream, *, must_sound: bool = False) -> None:
        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._stream: Any = made.add_stream("aac", rate=_SOUND_RATE, layout=layout)
        self._stream.bit_rate = _SOUND_BITS
        self._fitting = Fitting(rate=_SOUND_RATE, layout=layout, form="fltp", keep_gaps=True)
        self._decoding = Decoding()
        self._must_sound = must_sound

    def put(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What the encoder gives for the frames of it."""
        for frame in self._decoding.frames(packet):
            for fitted in self._fitting.fit(frame):
                yield from self._stream.encode(fitted)

    def end(self) -> Iterator[AnyPacket]:
        """What was held back. Raises a `Fault` if more was damaged than not, and that matters."""
        if self._must_sound:
            self._decoding.check()
        for fitted in self._fitting.end():
            yield from self._stream.encode(fitted)
        yield from self._stream.encode(None)


class Conversion:
    """Puts the packets of a film into an MP4. Each stream is made as its own `Track` does.

    Args:
        begins: seconds that the source's clock shows at its beginning; the MP4 begins at 0.
    """

    def __init__(self, made: OutputContainer, tracks: Mapping[int, Track], *, begins: float = 0.0) -> None:
        self._made = made
        self._tracks = tracks
        self._begins = begins
        self.seconds = 0.0

    def put(self, packet: AnyPacket) -> None:
        """One packet of the source; of a stream that is not wanted, nothing."""
        if (track := self._tracks.get(packet.stream.index)) is not None:
            if self._begins:
                before = round(self._begins / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts - before
                packet.dts = None if packet.dts is None else packet.dts - before
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
