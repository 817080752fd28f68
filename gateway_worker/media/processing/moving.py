"""Pictures that move (WebP, PNG, AVIF) as the silent film that WhatsApp's clients play in place of a GIF."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.video.frame import VideoFrame
from PIL import Image, ImageSequence

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import flat
from gateway_worker.media.processing.converting import Picture, manner_for
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.pictures import opened, thumbnail_of
from gateway_worker.media.processing.tracks import FASTSTART

_CHUNK, _EXTENDED, _FLAGS, _HAS_ALPHA = slice(12, 16), b"VP8X", 20, 0x10  # of a WebP
_USUAL_MS: Final = 100
"""For how long a frame is shown that does not say it, or says 0: as browsers do it."""


def make_moving(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:  # noqa: ARG001 (there is none that could be kept)
    """An MP4 of a picture that moves. Raises a `Fault` for one that does not."""
    with _opened(source, mimetype) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames < 2:  # noqa: PLR2004 (it does not move)
            raise Fault("unsupported", "still", found=mimetype)
        if frames > limits.MAX_FRAMES:
            raise Fault("too_large", "frames", frames=frames, limit=limits.MAX_FRAMES)
        manner = manner_for(mimetype.removeprefix("image/"), picture.size, frames)
        thumbnail, shown = "", Fraction()
        with av.open(str(target), "w", format="mp4", options=FASTSTART) as made:
            track = Picture(made, manner)
            for frame in ImageSequence.Iterator(picture):
                whole = flat(frame.convert("RGBA"))
                thumbnail = thumbnail or thumbnail_of(whole)
                for packet in track.show(VideoFrame.from_image(whole), shown):
                    made.mux(packet)
                shown += _seconds(frame)
            for packet in track.rest():
                made.mux(packet)
    return {
        "width": manner.width,
        "height": manner.height,
        "seconds": max(1, round(shown)),
        "thumbnail": thumbnail,
        "mimetype": "video/mp4",
        "converted": True,
    }


def _opened(source: Path, mimetype: str) -> Image.Image:
    """What no frame of a WebP covers is clear; Pillow paints it black where no frame has transparency of its own."""
    picture = opened(source, mimetype)
    if mimetype != "image/webp" or picture.mode == "RGBA":
        return picture
    picture.close()
    content = bytearray(source.read_bytes())
    if bytes(content[_CHUNK]) == _EXTENDED:
        content[_FLAGS] |= _HAS_ALPHA
    return Image.open(io.BytesIO(content), formats=("WEBP",))


def _seconds(frame: Image.Image) -> Fraction:
    return Fraction(round(frame.info.get("duration") or _USUAL_MS), 1_000)
