"""Stickers, with Pillow: WebP of at most 512 x 512."""

from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import in_eight_bits
from gateway_worker.media.processing.moving_stickers import make_moving_sticker
from gateway_worker.media.processing.pictures import checked_webp, opened, small_enough
from gateway_worker.media.processing.privacy import bare_webp, names_its_pack

_CLEAR: Final = (0, 0, 0, 0)
_MAY_MOVE: Final = limits.MOVING | {"image/gif"}


def make_sticker(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """WebP that fits as it is, but for private metadata; what does not fit, and other pictures, anew."""
    if mimetype == "image/webp" and (made := _as_it_is(source)) is not None:
        return _bare(made, source, target, keep_metadata)
    with opened(source, mimetype) as picture:
        if mimetype in _MAY_MOVE and getattr(picture, "n_frames", 1) > 1:
            return make_moving_sticker(source, target, mimetype)
        exif: bytes = picture.info.get("exif", b"")
        upright = in_eight_bits(ImageOps.exif_transpose(picture))
    side = limits.STICKER_SIDE
    fitted = ImageOps.contain(upright, (side, side))
    square = Image.new("RGBA", (side, side), _CLEAR)
    square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    named = {"exif": exif} if names_its_pack(exif) else {}
    target.write_bytes(small_enough(square, "WEBP", limits.MAX_STATIC_STICKER, **named))
    return {"width": side, "height": side, "animated": False, "mimetype": "image/webp", "converted": True}


def _bare(made: dict[str, Any], source: Path, target: Path, keep_metadata: bool) -> dict[str, Any]:  # noqa: FBT001 (a setting, handed on)
    content = source.read_bytes()
    bare = content if keep_metadata else bare_webp(content)
    if bare == content:
        return made
    target.write_bytes(bare)
    return {**made, "converted": True}


def _as_it_is(source: Path) -> dict[str, Any] | None:
    """What is said of a WebP that is a sticker already; None for one that is too large. All of it is decoded once."""
    found = checked_webp(source)
    moves = found.frames > 1
    most = limits.MAX_ANIMATED_STICKER if moves else limits.MAX_STATIC_STICKER
    if max(found.width, found.height) > limits.STICKER_SIDE or source.stat().st_size > most:
        return None
    with opened(source, "image/webp") as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
    return {"width": found.width, "height": found.height, "animated": moves}
