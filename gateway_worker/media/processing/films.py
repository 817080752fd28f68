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
from gateway_worker.media.processing.boxes import is_whole
from gateway_worker.media.processing.converting import Picture, decoding_times, manner_of, shown_size
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.movie_privacy import write_bare_movie
from gateway_worker.media.processing.pictures import check_size, thumbnail_of
from gateway_worker.media.processing.reading import Decoding, codec_of, is_cover, packets, reading, seconds_of, start_of
from gateway_worker.media.processing.tracks import FASTSTART, Conversion, Copy, Sound, Track

_MATROSKA: Final = "video/x-matroska"
_MP4: Final = frozenset({"video/mp4", "video/3gpp"})
_TIMED: Final = _MP4 | {"video/quicktime", _MATROSKA, "video/x-flv"}
"""Their packets tell when each is shown, so that they can be copied."""
_PICTURES: Final = frozenset({"h264", "hevc", "mpeg4", "h263"})
_SOUNDS: Final = frozenset({"aac", "mp3", "amr_nb", "amr_wb"})
_CONVERTED: Final = frozenset(
    {
        *("vp8", "vp9", "av1", "prores", "gif", "mjpeg", "theora", "mpeg1video", "mpeg2video", "dvvideo"),
        *("msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1", "flv1", "vp6f", "svq1", "svq3"),
    }
)
_FIRST_FRAMES: Final = 64  # packets to look into for a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """What is in a file: one picture stream, and the sound that players play."""

    video: VideoStream
    sound: AudioStream | None
    has_others: bool  # what a camera notes beside it, such as its position at each moment

    @property
    def keeps_picture(self) -> bool:
        return codec_of(self.video) in _PICTURES

    @property
    def keeps_sound(self) -> bool:
        return self.sound is None or codec_of(self.sound) in _SOUNDS


def make_video(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """A video as WhatsApp's clients play it; `target` is written if it must be another one."""
    cut = not is_whole(source, mimetype)
    with reading(source, mimetype) as container:
        film = _film(container)
        picture, turned = _first_picture(container, film)
        made = {
            "width": picture.width,
            "height": picture.height,
            "seconds": seconds_of(container),
            "thumbnail": thumbnail_of(picture),
        }
        stays = mimetype in _MP4 and film.keeps_picture and film.keeps_sound and not cut
        stays = stays and (keep_metadata or not film.has_others)
    if stays:
        is_bare = not keep_metadata and write_bare_movie(source, target)
        return {**made, "converted": True} if is_bare else made
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
    others = any(each.type not in {"video", "audio"} for each in container.streams)
    return _Film(video=video, sound=sound, has_others=others)


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
    if (size := shown_size(film.video)) != picture.size and not film.keeps_picture:
        picture = picture.resize(size)
    turned = int(getattr(frame, "rotation", 0) or 0) % 360
    return (picture.rotate(turned, expand=True) if turned else picture), turned


def _convert(source: Path, target: Path, mimetype: str, turned: int) -> float:
    """Write an MP4 of it; how many seconds it lasts."""
    manner, times = None, list[int]()
    with reading(source, mimetype) as container:
        film = _film(container)
        if not film.keeps_picture or mimetype not in _TIMED:
            manner = manner_of(film.video, sum(packet.size > 0 for packet in packets(container, film.video)), turned)
        elif mimetype == _MATROSKA:
            times = decoding_times(packets(container, film.video))
    with reading(source, mimetype) as container, av.open(str(target), "w", format="mp4", options=FASTSTART) as made:
        film = _film(container)
        film.video.thread_count, film.video.thread_type = 1, "NONE"
        tracks: dict[int, Track] = {
            film.video.index: Copy(made, film.video, times) if manner is None else Picture(made, manner)
        }
        if film.sound is not None:
            tracks[film.sound.index] = Copy(made, film.sound) if film.keeps_sound else Sound(made, film.sound)
        conversion = Conversion(made, tracks, begins=start_of(container))
        for packet in packets(container, *(each for each in (film.video, film.sound) if each is not None)):
            conversion.put(packet)
        conversion.end()
    return conversion.seconds
