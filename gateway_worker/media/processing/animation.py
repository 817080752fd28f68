"""Pictures that move, opened so that each of their frames is what a browser shows, and how long it shows it."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Final

from PIL import Image

from gateway_worker.media.processing.pictures import opened

_CHUNK, _EXTENDED, _FLAGS, _HAS_ALPHA = slice(12, 16), b"VP8X", 20, 0x10  # of a WebP
_USUAL_MS: Final = 100
"""For how long a frame is shown that does not say it, or says 0: as browsers do it."""


def opened_moving(source: Path, mimetype: str) -> Image.Image:
    """As `opened`. What no frame of a WebP covers is clear; Pillow paints it black if no frame has clear parts."""
    picture = opened(source, mimetype)
    if mimetype != "image/webp" or picture.mode == "RGBA":
        return picture
    picture.close()
    content = bytearray(source.read_bytes())
    if bytes(content[_CHUNK]) == _EXTENDED:
        content[_FLAGS] |= _HAS_ALPHA
    return Image.open(io.BytesIO(content), formats=("WEBP",))


def seconds_of(frame: Image.Image) -> Fraction:
    """For how long it is shown."""
    return Fraction(round(frame.info.get("duration") or _USUAL_MS), 1_000)
