"""Sounds and videos, with PyAV (FFmpeg)."""

import base64
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.workshop.boxes import check_whole
from gateway_worker.media.workshop.faults import Fault
from gateway_worker.media.workshop.pictures import check_size, thumbnail_of

VOICE: Final = "audio/ogg; codecs=opus"
_DEMUXERS: Final = {
    "video/mp4": "mov",
    "video/3gpp": "mov",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "video/x-matroska": "matroska",
}
_VIDEO_CODECS: Final = frozenset({"h264", "hevc", "mpeg4", "h263"})
_VIDEO_SOUNDS: Final = frozenset({"aac", "mp3", "amrnb", "amrwb", "amr_nb", "amr_wb"})
_VOICE_RATE, _VOICE_BITS = 48_000, 32_000
_LOOK_RATE: Final = 8_000
_LOOK_SAMPLES: Final = 400  # of one loudness: 50 ms
_BARS: Final = 64
_LOUDEST: Final = 100
_FIRST_FRAMES: Final = 64  # packets to look into for a picture


def make_video(source: Path, mimetype: str) -> dict[str, Any]:
    """What WhatsApp's clients want to know of a video; it stays as it is."""
    check_whole(source, mimetype)
    with _reading(source, mimetype) as container:
        videos = [each for each in container.streams.video if not _is_cover(each)]
        if len(videos) != 1 or videos[0].codec_context.name not in _VIDEO_CODECS:
            raise Fault("unsupported", "codec")
        if any(each.codec_context.name not in _VIDEO_SOUNDS for each in container.streams.audio):
            raise Fault("unsupported", "codec")
        video = videos[0]
        check_size(video.codec_context.width, video.codec_context.height)
        video.thread_count, video.thread_type = 1, "NONE"
        frame = next(_frames(container, video), None)
        if frame is None:
            raise Fault("unsupported", "unreadable")
        picture = cast("Image.Image", frame.to_image())
        turned = int(getattr(frame, "rotation", 0) or 0) % 360
        if turned:
            picture = picture.rotate(turned, expand=True)
        return {
            "width": picture.width,
            "height": picture.height,
            "seconds": _seconds(container),
            "thumbnail": thumbnail_of(picture),
        }


def make_audio(source: Path, mimetype: str) -> dict[str, Any]:
    """How long a sound lasts, and what is in it; it stays as it is."""
    check_whole(source, mimetype)
    with _reading(source, mimetype) as container:
        _check_sound(container)
        codec = container.streams.audio[0].codec_context.name
        seconds = _seconds(container)
        if seconds == 0:
            next(container.decode(container.streams.audio[0]))  # there is some sound in it
    if mimetype == "audio/ogg" and codec == "opus":
        return {"seconds": seconds, "mimetype": VOICE}
    return {"seconds": seconds, "mimetype": "audio/mp4" if mimetype == "video/mp4" else mimetype}


def make_voice(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """A voice message: one channel of Opus in Ogg, how long it lasts, and how loud it is when."""
    check_whole(source, mimetype)
    with _reading(source, mimetype) as container:
        _check_sound(container)
        if _seconds(container) > limits.MAX_SECONDS:
            raise Fault("too_large", "seconds")  # by its own account: `_Loudness` finds out what is true
        sound = container.streams.audio[0]
        is_voice = mimetype == "audio/ogg" and sound.codec_context.name == "opus"
        loudness = _Loudness()
        if is_voice:
            for frame in container.decode(sound):
                loudness.hear(frame)
        else:
            with av.open(str(target), "w", format="ogg") as made:
                _convert(container, made, loudness)
        loudness.end()
    if not loudness.peaks:
        raise Fault("unsupported", "unreadable")
    told = {"seconds": max(1, round(loudness.seconds)), "waveform": loudness.waveform(), "mimetype": VOICE}
    return told if is_voice else {**told, "converted": True}


class _Loudness:
    """Listens to a sound: how long it is, and its peaks."""

    def __init__(self) -> None:
        self._resampler = AudioResampler(format="s16", layout="mono", rate=_LOOK_RATE)
        self.peaks: list[int] = []
        self._samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / _LOOK_RATE

    def hear(self, frame: AudioFrame | None) -> None:
        for small in self._resampler.resample(frame):
            self._samples += small.samples
            if self.seconds > limits.MAX_SECONDS:
                raise Fault("too_large", "seconds")
            samples = memoryview(bytes(small.planes[0]))[: 2 * small.samples].cast("h")
            for start in range(0, len(samples), _LOOK_SAMPLES):
                part = samples[start : start + _LOOK_SAMPLES]
                loudest, lowest = max(part), min(part)
                self.peaks.append(max(loudest, -lowest))

    def end(self) -> None:
        self.hear(None)

    def waveform(self) -> str:
        """64 loudnesses of 0 to 100, base64."""
        count = len(self.peaks)
        bars = [
            max(self.peaks[number * count // _BARS : max(number * count // _BARS + 1, (number + 1) * count // _BARS)])
            for number in range(_BARS)
        ]
        loudest = max(*bars, 1)
        return base64.b64encode(bytes(bar * _LOUDEST // loudest for bar in bars)).decode()


def _convert(container: InputContainer, made: OutputContainer, loudness: _Loudness) -> None:
    stream = made.add_stream("libopus", rate=_VOICE_RATE, layout="mono", options={"application": "voip"})
    stream.bit_rate = _VOICE_BITS
    resampler = AudioResampler(format="s16", layout="mono", rate=_VOICE_RATE)
    for frame in container.decode(container.streams.audio[0]):
        loudness.hear(frame)
        for fitted in resampler.resample(frame):
            made.mux(stream.encode(fitted))
    for fitted in resampler.resample(None):
        made.mux(stream.encode(fitted))
    made.mux(stream.encode(None))


@contextmanager
def _reading(source: Path, mimetype: str) -> Generator[InputContainer]:
    """Read as what it is, from a file that we opened: nothing else is ever opened for it."""
    with source.open("rb") as file, av.open(file, "r", format=_DEMUXERS[mimetype]) as container:
        yield container


def _check_sound(container: InputContainer) -> None:
    """One sound, and no picture but that of its cover."""
    if len(container.streams.audio) != 1 or not all(_is_cover(each) for each in container.streams.video):
        raise Fault("unsupported", "streams")


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _frames(container: InputContainer, video: VideoStream) -> Iterator[VideoFrame]:
    for packet in islice(container.demux(video), _FIRST_FRAMES):
        yield from packet.decode()


def _seconds(container: InputContainer) -> int:
    length = container.duration
    return 0 if length is None else max(1, round(length / av.time_base))
