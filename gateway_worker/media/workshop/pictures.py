"""Pictures and stickers, with Pillow."""

import base64
import io
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from gateway_worker.media import limits
from gateway_worker.media.workshop.faults import Fault
from gateway_worker.media.workshop.webp import read_webp

Image.MAX_IMAGE_PIXELS = None  # we look at the size before anything is decoded, and say it in our own words

_FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
_AS_THEY_ARE: Final = frozenset({"image/jpeg", "image/png"})
_WHITE: Final = (255, 255, 255)
_JPEG_QUALITY: Final = 88
_QUALITIES: Final = (80, 60, 40, 20, 5)
_DRAFT: Final = 4
"""A JPEG is decoded to some multiple of its thumbnail only: that reads all of it, and needs little memory."""


def make_image(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """A picture as WhatsApp's clients show it; `target` is written if it must be another one."""
    with _opened(source, mimetype) as picture:
        size = picture.size
        if mimetype in _AS_THEY_ARE:
            side = limits.THUMBNAIL_SIDE * _DRAFT
            picture.draft("RGB", (side, side))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        width, height = size if (upright.width > upright.height) == (size[0] > size[1]) else size[::-1]
        made = {"width": width, "height": height, "thumbnail": thumbnail_of(upright)}
        if mimetype in _AS_THEY_ARE:
            return made
        _flat(upright).save(target, "JPEG", quality=_JPEG_QUALITY)
        return {**made, "mimetype": "image/jpeg", "converted": True}


def make_sticker(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """A sticker: WebP that fits as it is; a still that does not, and other pictures, anew."""
    side = limits.STICKER_SIDE
    frames = 1
    if mimetype == "image/webp":
        found = _webp(source)
        frames, fits = found.frames, found.width <= side and found.height <= side
        if frames > 1:
            return _animated(source, found.width, found.height, fits=fits)
        if fits and source.stat().st_size <= limits.MAX_STATIC_STICKER:
            with _opened(source, mimetype) as picture:
                picture.load()
            return {"width": found.width, "height": found.height, "animated": False}
    with _opened(source, mimetype) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    fitted = ImageOps.contain(upright, (side, side))
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    target.write_bytes(_small(square, "WEBP", limits.MAX_STATIC_STICKER))
    return {"width": side, "height": side, "animated": False, "mimetype": "image/webp", "converted": True}


def thumbnail_of(picture: Image.Image) -> str:
    """A small JPEG, base64."""
    small = _flat(picture)
    small.thumbnail((limits.THUMBNAIL_SIDE, limits.THUMBNAIL_SIDE))
    return base64.b64encode(_small(small, "JPEG", limits.MAX_THUMBNAIL)).decode()


def check_size(width: int, height: int) -> None:
    """Refuse what would need too much memory."""
    if width < 1 or height < 1:
        raise Fault("unsupported", "unreadable")
    if width > limits.MAX_SIDE or height > limits.MAX_SIDE or width * height > limits.MAX_PIXELS:
        raise Fault("too_large", "pixels")


def _opened(source: Path, mimetype: str) -> Image.Image:
    """Opened as the format it is, its size checked; nothing is decoded yet."""
    if mimetype == "image/webp":
        _webp(source)  # Pillow takes memory for the canvas as soon as it opens one
    picture = Image.open(source, formats=(_FORMATS[mimetype],))
    check_size(*picture.size)
    return picture


def _webp(source: Path) -> Any:
    with source.open("rb") as file:
        found = read_webp(file, source.stat().st_size)
    check_size(found.width, found.height)
    if found.frames > limits.MAX_FRAMES:
        raise Fault("too_large", "frames")
    return found


def _animated(source: Path, width: int, height: int, *, fits: bool) -> dict[str, Any]:
    if not fits:
        raise Fault("unsupported", "dimensions")
    if source.stat().st_size > limits.MAX_ANIMATED_STICKER:
        raise Fault("too_large", "bytes")
    with Image.open(source, formats=("WEBP",)) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
    return {"width": width, "height": height, "animated": True}


def _flat(picture: Image.Image) -> Image.Image:
    """On white, without transparency."""
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        covering = picture.convert("RGBA")
        flat = Image.new("RGB", picture.size, _WHITE)
        flat.paste(covering, mask=covering.getchannel("A"))
        return flat
    return picture.convert("RGB")


def _small(picture: Image.Image, form: str, most: int) -> bytes:
    """As good as it can be within so many bytes."""
    for quality in _QUALITIES:
        held = io.BytesIO()
        picture.save(held, form, quality=quality)
        if held.tell() <= most:
            return held.getvalue()
    raise Fault("too_large", "bytes")
