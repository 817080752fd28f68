"""Pictures that move (WebP, PNG, AVIF) as the silent film that WhatsApp's clients play in place of a GIF."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from PIL import ImageSequence

from gateway_worker.media import limits
from gateway_worker.media.processing.animation import opened_moving, seconds_of
from gateway_worker.media.processing.colours import flat
from gateway_worker.media.processing.converting import Picture, manner_for
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.pictures import thumbnail_of
from gateway_worker.media.processing.tracks import FASTSTART


def make_moving(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:  # noqa: ARG001 (there is none that could be kept)
    """An MP4 of a picture that moves. Raises a `Fault` for one that does not."""
    with opened_moving(source, mimetype) as picture:
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
                shown += seconds_of(frame)
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
