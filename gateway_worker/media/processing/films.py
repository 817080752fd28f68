"""Videos: as they are, in another container, or converted, whichever is the least that WhatsApp's clients can play."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.boxes import check_whole
from gateway_worker.media.processing.converting import (
    Conversion,
    Copy,
    Picture,
    Sound,
    Track,
    decoding_times,
    manner_of,
)
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.pictures import check_size, thumbnail_of
from gateway_worker.media.processing.reading import Decoding, codec_of, is_cover, packets, reading, seconds_of

_MATROSKA: Final = "video/x-matroska"
_MP4: Final = frozenset({"video/mp4", "video/3gpp"})
_PICTURES: Final = frozenset({"h264", "hevc", "mpeg4", "h263"})
_SOUNDS: Final = frozenset({"aac", "mp3", "amr_nb", "amr_wb"})
_CONVERTED: Final = frozenset({"vp8", "vp9", "av1", "prores", "gif"})
_OPTIONS: Final = {"movflags": "+faststart"}
_FIRST_FRAMES: Final = 64  # packets to look into for a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """What is in a file: one picture stream, and the sound that players play."""

    video: VideoStream
    sound: AudioStream | None

    @property
    def keeps_picture(self) -> bool:
        return codec_of(self.video) in _PICTURES

    @property
    def keeps_sound(self) -> bool:
        return self.sound is None or codec_of(self.sound) in _SOUNDS


def make_video(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """A video as WhatsApp's clients play it; `target` is written if it must be another one."""
    check_whole(source, mimetype)
    with reading(source, mimetype) as container:
        film = _film(container)
        picture, turned = _first_picture(container, film)
        made = {
            "width": picture.width,
            "height": picture.height,
            "seconds": seconds_of(container),
            "thumbnail": thumbnail_of(picture),
        }
        stays = mimetype in _MP4 and film.keeps_picture and film.keeps_sound
    if stays:
        return made
    seconds = _convert(source, target, mimetype, turned)
    if (size := target.stat().st_size) > limits.MAX_BYTES["video"]:
        raise Fault("too_large", "bytes", size=size, limit=limits.MAX_BYTES["video"])
    return {**made, "seconds": max(1, round(seconds)), "mimetype": "video/mp4", "converted": True}


def _film(container: InputContainer) -> _Film:
    """Raises a `Fault` that names the codec which nothing can be made of."""
    videos = [each for each in container.streams.video if not is_cover(each)]
    if len(videos) != 1:
        found = codec_of(container.streams.audio[0]) if container.streams.audio else None
        raise Fault("unsupported", "codec", codec=found, pictures=len(videos))
    video, sounds = videos[0], container.streams.audio
    if codec_of(video) not in _PICTURES | _CONVERTED:
        raise Fault("unsupported", "codec", codec=codec_of(video))
    sound = cast("AudioStream | None", container.streams.best("audio")) if sounds else None
    if sound is not None and codec_of(sound) == "unknown":
        raise Fault("unsupported", "codec", codec="unknown")
    check_size(video.codec_context.width, video.codec_context.height)
    return _Film(video=video, sound=sound)


def _first_picture(container: InputContainer, film: _Film) -> tuple[Image.Image, int]:
    """As it is shown, and by how many degrees it was turned for that."""
    film.video.thread_count, film.video.thread_type = 1, "NONE"
    decoding = Decoding()
    frame: Any = None
    for number, packet in enumerate(packets(container, film.video)):
        if number == _FIRST_FRAMES or (frame := next(iter(decoding.frames(packet)), None)) is not None:
            break
    if frame is None:
        raise Fault("unsupported", "unreadable", codec=codec_of(film.video))
    picture = cast("Image.Image", frame.to_image())
    turned = int(getattr(frame, "rotation", 0) or 0) % 360
    return (picture.rotate(turned, expand=True) if turned else picture), turned


def _convert(source: Path, target: Path, mimetype: str, turned: int) -> float:
    """Write an MP4 of it; how many seconds it lasts."""
    manner, times = None, list[int]()
    with reading(source, mimetype) as container:
        film = _film(container)
        if not film.keeps_picture:
            manner = manner_of(film.video, sum(packet.size > 0 for packet in packets(container, film.video)), turned)
        elif mimetype == _MATROSKA:
            times = decoding_times(packets(container, film.video))
    with reading(source, mimetype) as container, av.open(str(target), "w", format="mp4", options=_OPTIONS) as made:
        film = _film(container)
        film.video.thread_count, film.video.thread_type = 1, "NONE"
        tracks: dict[int, Track] = {
            film.video.index: Copy(made, film.video, times) if manner is None else Picture(made, manner)
        }
        if film.sound is not None:
            tracks[film.sound.index] = Copy(made, film.sound) if film.keeps_sound else Sound(made, film.sound)
        conversion = Conversion(made, tracks)
        for packet in packets(container, *(each for each in (film.video, film.sound) if each is not None)):
            conversion.put(packet)
        conversion.end()
    return conversion.seconds
