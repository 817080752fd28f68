"""Sounds: as they are, or as voice messages."""

import base64
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from gateway_worker.media import limits
from gateway_worker.media.processing.boxes import is_whole
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.movie_privacy import write_bare_movie
from gateway_worker.media.processing.reading import (
    codec_of,
    decoded,
    is_still,
    packets,
    reading,
    seconds_of,
    start_of,
)
from gateway_worker.media.processing.resampling import Fitting
from gateway_worker.media.processing.tracks import FASTSTART, Conversion, Sound

VOICE: Final = "audio/ogg; codecs=opus"
_OGG: Final = "audio/ogg"
_GUESSED: Final = frozenset({"audio/mpeg", "audio/aac", "audio/amr", "audio/flac"})
"""FFmpeg guesses how long they last; or as of FLAC, believes a head that says it of the whole, also where it is cut."""
_MOVIES: Final = frozenset({"audio/mp4", "video/mp4", "video/3gpp"})
_PLAIN_NAMES: Final = {"video/mp4": "audio/mp4", "video/3gpp": "audio/3gpp"}  # of what holds no picture
_PLAYED: Final = {
    "audio/mpeg": frozenset({"mp1", "mp2", "mp3"}),
    "audio/aac": frozenset({"aac"}),
    "audio/amr": frozenset({"amr_nb", "amr_wb"}),
    "audio/ogg": frozenset({"opus", "vorbis"}),
    "audio/flac": frozenset({"flac"}),
    "audio/wav": frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw"}),
    "audio/mp4": frozenset({"aac", "mp3"}),
    "video/mp4": frozenset({"aac", "mp3"}),
    "video/3gpp": frozenset({"aac", "amr_nb", "amr_wb"}),
}
"""By container: what phones play in it (ExoPlayer, AVFoundation)."""
_OF_PROGRAMS: Final = frozenset({"encoder", "ENCODER"})  # tags that say nothing of a person
_MUXERS: Final = {
    "audio/mpeg": "mp3",
    "audio/aac": "adts",
    "audio/amr": "amr",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/mp4": "mp4",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
}


class _Form(NamedTuple):
    """A container: how FFmpeg calls it, and its media type."""

    muxer: str
    mimetype: str


_MOVED: Final = {
    "opus": _Form("ogg", _OGG),
    "vorbis": _Form("ogg", _OGG),
    "aac": _Form("mp4", "audio/mp4"),
    "mp3": _Form("mp3", "audio/mpeg"),
    "amr_nb": _Form("3gp", "audio/3gpp"),
    "amr_wb": _Form("3gp", "audio/3gpp"),
}
"""By codec: the container that phones play it in, where it lies in another one."""
_VOICE_RATE, _VOICE_BITS = 48_000, 32_000
_LOOK_RATE: Final = 8_000
_LOOK_SAMPLES: Final = 400  # of one loudness: 50 ms
_BARS: Final = 64
_LOUDEST: Final = 100


def make_audio(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """A sound file that WhatsApp's clients play: as it is, the same packets in another container, or as AAC."""
    cut = not is_whole(source, mimetype)
    with reading(source, mimetype) as container:
        sound = _the_sound(container)
        codec = codec_of(sound)
        form = _form_of(mimetype, codec)
        if form is None:
            return _encoded(container, sound, target)
        if cut or form.mimetype != _PLAIN_NAMES.get(mimetype, mimetype):
            return _copied(container, sound, target, form)
        is_declared = mimetype not in _GUESSED and container.duration is not None
        seconds = seconds_of(container) if is_declared else _counted(container, sound)
    made = {"seconds": seconds, "mimetype": VOICE if codec == "opus" else form.mimetype}
    is_bare = not keep_metadata and mimetype in _MOVIES and write_bare_movie(source, target, keep_titles=True)
    return {**made, "converted": True} if is_bare else made


def make_voice(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """A voice message: one channel of Opus in Ogg, how long it lasts, and how loud it is when."""
    cut = not is_whole(source, mimetype)
    with reading(source, mimetype) as container:
        sound = _the_sound(container)
        if (seconds := seconds_of(container)) > limits.MAX_SECONDS and not cut:
            # by its own account: `_Loudness` finds out what is true
            raise Fault("too_large", "seconds", seconds=seconds, limit=limits.MAX_SECONDS)
        is_voice = mimetype == _OGG and codec_of(sound) == "opus" and not cut
        is_bare = keep_metadata or not (container.streams.video or set(sound.metadata) - _OF_PROGRAMS)
        loudness = _Loudness()
        if is_voice:
            for frame in decoded(container, sound):
                loudness.add(frame)
        else:
            with av.open(str(target), "w", format="ogg") as made:
                _convert(container, sound, made, loudness)
        loudness.end()
    if not loudness.peaks:
        raise Fault("unsupported", "empty", codec=codec_of(sound))
    described = {"seconds": max(1, round(loudness.seconds)), "waveform": loudness.waveform(), "mimetype": VOICE}
    if is_voice and is_bare:
        return described
    if is_voice:
        with reading(source, mimetype) as container:
            _copied(container, _the_sound(container), target, _MOVED["opus"])
    return {**described, "converted": True}


def _counted(container: InputContainer, sound: AudioStream) -> int:
    """How long it lasts, by its packets: where nothing says it, FFmpeg guesses it of the first ones."""
    lasts = sum(float((packet.duration or 0) * packet.time_base) for packet in packets(container, sound))
    if lasts == 0:
        raise Fault("unsupported", "empty", codec=codec_of(sound))
    return max(1, round(lasts))


def _form_of(mimetype: str, codec: str) -> "_Form | None":
    """What a sound file becomes without being decoded; None where nobody would play that."""
    if codec in _PLAYED.get(mimetype, frozenset()):
        return _Form(_MUXERS.get(mimetype, ""), _PLAIN_NAMES.get(mimetype, mimetype))
    return _MOVED.get(codec)


class _Loudness:
    """Listens to a sound: how long it is, and its peaks."""

    def __init__(self) -> None:
        self._fitting = Fitting(rate=_LOOK_RATE, layout="mono")
        self.peaks: list[int] = []
        self._samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / _LOOK_RATE

    def add(self, frame: AudioFrame) -> None:
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
        loudness.add(fitted)
        made.mux(stream.encode(fitted))

    for frame in decoded(container, sound):
        for fitted in fitting.fit(frame):
            put(fitted)
    for fitted in fitting.end():
        put(fitted)
    made.mux(stream.encode(None))


def _copied(container: InputContainer, sound: AudioStream, target: Path, form: _Form) -> dict[str, Any]:
    """The same packets in another container, or those that there are of a file that is cut off."""
    begins, last = start_of(container), 0.0
    is_plain = codec_of(sound).startswith("pcm_")  # a part of its packet is as good as the whole
    with av.open(str(target), "w", format=form.muxer) as made:
        stream = made.add_stream_from_template(sound)
        for packet in packets(container, sound):
            if packet.dts is None or (packet.is_corrupt and not is_plain):
                continue
            last = float((packet.dts + (packet.duration or 0)) * packet.time_base)
            packet.stream = stream
            made.mux(packet)
    if last == 0:
        raise Fault("unsupported", "truncated", codec=codec_of(sound))
    mimetype = VOICE if codec_of(sound) == "opus" else form.mimetype
    return {"seconds": max(1, round(last - begins)), "mimetype": mimetype, "converted": True}


def _encoded(container: InputContainer, sound: AudioStream, target: Path) -> dict[str, Any]:
    """As AAC in MP4, which every phone plays."""
    if (seconds := seconds_of(container)) > limits.MAX_SECONDS:
        raise Fault("too_large", "seconds", codec=codec_of(sound), seconds=seconds, limit=limits.MAX_SECONDS)
    begins = start_of(container)
    with av.open(str(target), "w", format="mp4", options=FASTSTART) as made:
        conversion = Conversion(made, {sound.index: Sound(made, sound, must_sound=True)}, begins=begins)
        for packet in packets(container, sound):
            conversion.put(packet)
        conversion.end()
    if not target.exists():
        raise Fault("unsupported", "empty", codec=codec_of(sound))  # too short for anybody to hear
    if (size := target.stat().st_size) > limits.MAX_BYTES["audio"]:
        raise Fault("too_large", "bytes", codec=codec_of(sound), size=size, limit=limits.MAX_BYTES["audio"])
    return {"seconds": max(1, round(conversion.seconds)), "mimetype": "audio/mp4", "converted": True}


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
