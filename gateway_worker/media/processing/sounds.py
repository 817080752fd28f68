"""Sounds: as they are, or as voice messages."""

import base64
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from gateway_worker.media import limits
from gateway_worker.media.processing.boxes import check_whole
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.reading import codec_of, decoded, is_still, packets, reading, seconds_of
from gateway_worker.media.processing.resampling import Fitting

VOICE: Final = "audio/ogg; codecs=opus"
_OGG: Final = "audio/ogg"
_REMUXED: Final = {"opus": VOICE, "vorbis": _OGG}  # from Matroska, which WhatsApp's clients do not play, to Ogg
_VOICE_RATE, _VOICE_BITS = 48_000, 32_000
_LOOK_RATE: Final = 8_000
_LOOK_SAMPLES: Final = 400  # of one loudness: 50 ms
_BARS: Final = 64
_LOUDEST: Final = 100


def make_audio(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """How long a sound lasts, and what is in it; it stays as it is, but for a browser's recording."""
    check_whole(source, mimetype)
    with reading(source, mimetype) as container:
        sound = _the_sound(container)
        codec = codec_of(sound)
        if mimetype == "video/x-matroska":
            return _remuxed(container, sound, target)
        seconds = seconds_of(container)
        if seconds == 0:
            next(decoded(container, sound))  # there is some sound in it
    if mimetype == _OGG and codec == "opus":
        return {"seconds": seconds, "mimetype": VOICE}
    return {"seconds": seconds, "mimetype": "audio/mp4" if mimetype == "video/mp4" else mimetype}


def make_voice(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """A voice message: one channel of Opus in Ogg, how long it lasts, and how loud it is when."""
    check_whole(source, mimetype)
    with reading(source, mimetype) as container:
        sound = _the_sound(container)
        if (seconds := seconds_of(container)) > limits.MAX_SECONDS:
            # by its own account: `_Loudness` finds out what is true
            raise Fault("too_large", "seconds", seconds=seconds, limit=limits.MAX_SECONDS)
        is_voice = mimetype == _OGG and codec_of(sound) == "opus"
        loudness = _Loudness()
        if is_voice:
            for frame in decoded(container, sound):
                loudness.hear(frame)
        else:
            with av.open(str(target), "w", format="ogg") as made:
                _convert(container, sound, made, loudness)
        loudness.end()
    if not loudness.peaks:
        raise Fault("unsupported", "unreadable", codec=codec_of(sound))
    told = {"seconds": max(1, round(loudness.seconds)), "waveform": loudness.waveform(), "mimetype": VOICE}
    return told if is_voice else {**told, "converted": True}


class _Loudness:
    """Listens to a sound: how long it is, and its peaks."""

    def __init__(self) -> None:
        self._fitting = Fitting(rate=_LOOK_RATE, layout="mono")
        self.peaks: list[int] = []
        self._samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / _LOOK_RATE

    def hear(self, frame: AudioFrame) -> None:
        for small in self._fitting.fit(frame):
            self._note(small)

    def end(self) -> None:
        for small in self._fitting.end():
            self._note(small)

    def waveform(self) -> str:
        """64 loudnesses of 0 to 100, base64."""
        count = len(self.peaks)
        bars = [
            max(self.peaks[number * count // _BARS : max(number * count // _BARS + 1, (number + 1) * count // _BARS)])
            for number in range(_BARS)
        ]
        loudest = max(*bars, 1)
        return base64.b64encode(bytes(bar * _LOUDEST // loudest for bar in bars)).decode()

    def _note(self, small: AudioFrame) -> None:
        self._samples += small.samples
        if self.seconds > limits.MAX_SECONDS:
            raise Fault("too_large", "seconds", limit=limits.MAX_SECONDS)
        samples = memoryview(bytes(small.planes[0]))[: 2 * small.samples].cast("h")
        for start in range(0, len(samples), _LOOK_SAMPLES):
            part = samples[start : start + _LOOK_SAMPLES]
            loudest, lowest = max(part), min(part)
            self.peaks.append(max(loudest, -lowest))


def _convert(container: InputContainer, sound: AudioStream, made: OutputContainer, loudness: _Loudness) -> None:
    stream = made.add_stream("libopus", rate=_VOICE_RATE, layout="mono", options={"application": "voip"})
    stream.bit_rate = _VOICE_BITS
    fitting = Fitting(rate=_VOICE_RATE, layout="mono")

    def put(fitted: AudioFrame) -> None:
        loudness.hear(fitted)
        made.mux(stream.encode(fitted))

    for frame in decoded(container, sound):
        for fitted in fitting.fit(frame):
            put(fitted)
    for fitted in fitting.end():
        put(fitted)
    made.mux(stream.encode(None))


def _remuxed(container: InputContainer, sound: AudioStream, target: Path) -> dict[str, Any]:
    """The same packets, in Ogg."""
    codec = codec_of(sound)
    if codec not in _REMUXED:
        raise Fault("unsupported", "codec", codec=codec)
    last = 0.0
    with av.open(str(target), "w", format="ogg") as made:
        stream = made.add_stream_from_template(sound)
        for packet in packets(container, sound):
            if packet.dts is None:
                continue
            last = float((packet.dts + (packet.duration or 0)) * packet.time_base)
            packet.stream = stream
            made.mux(packet)
    return {"seconds": max(1, round(last)), "mimetype": _REMUXED[codec], "converted": True}


def _the_sound(container: InputContainer) -> AudioStream:
    """The one that players play; no picture but that of its cover."""
    if not container.streams.audio or not all(is_still(each) for each in container.streams.video):
        raise Fault("unsupported", "streams", codec=_pictures(container))
    sound = container.streams.best("audio") or container.streams.audio[0]
    assert isinstance(sound, AudioStream), "it was asked for"
    if codec_of(sound) == "unknown":
        raise Fault("unsupported", "codec", codec="unknown")
    return sound


def _pictures(container: InputContainer) -> str | None:
    return next((codec_of(each) for each in container.streams.video), None)
