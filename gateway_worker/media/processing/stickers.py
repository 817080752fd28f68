"""Stickers, with Pillow: WebP of at most 512 x 512."""

from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import in_eight_bits
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.pictures import checked_webp, opened, small_enough
from gateway_worker.media.processing.privacy import bare_webp

_CLEAR: Final = (0, 0, 0, 0)


def make_sticker(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """WebP that fits as it is, but for private metadata; a still that does not fit, and other pictures, anew."""
    side = limits.STICKER_SIDE
    if mimetype == "image/webp":
        found = checked_webp(source)
        fits = found.width <= side and found.height <= side
        if found.frames > 1:
            return _bare(_animated(source, found.width, found.height, fits=fits), source, target, keep_metadata)
        if fits and source.stat().st_size <= limits.MAX_STATIC_STICKER:
            with opened(source, mimetype) as picture:
                picture.load()
            still = {"width": found.width, "height": found.height, "animated": False}
            return _bare(still, source, target, keep_metadata)
    with opened(source, mimetype) as picture:
        upright = in_eight_bits(ImageOps.exif_transpose(picture))
    fitted = ImageOps.contain(upright, (side, side))
    square = Image.new("RGBA", (side, side), _CLEAR)
    square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    target.write_bytes(small_enough(square, "WEBP", limits.MAX_STATIC_STICKER))
    return {"width": side, "height": side, "animated": False, "mimetype": "image/webp", "converted": True}


def _bare(made: dict[str, Any], source: Path, target: Path, keep_metadata: bool) -> dict[str, Any]:  # noqa: FBT001 (a setting, handed on)
    content = source.read_bytes()
    bare = content if keep_metadata else bare_webp(content)
    if bare == content:
        return made
    target.write_bytes(bare)
    return {**made, "converted": True}


def _animated(source: Path, width: int, height: int, *, fits: bool) -> dict[str, Any]:
    if not fits:
        raise Fault("unsupported", "dimensions", width=width, height=height, limit=limits.STICKER_SIDE)
    size = source.stat().st_size
    if size > limits.MAX_ANIMATED_STICKER:
        raise Fault("too_large", "bytes", size=size, limit=limits.MAX_ANIMATED_STICKER)
    with Image.open(source, formats=("WEBP",)) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
    return {"width": width, "height": height, "animated": True}
