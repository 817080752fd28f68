"""Profile pictures, with Pillow: a square JPEG from the middle of a picture, as WhatsApp's own clients make it."""

from pathlib import Path
from typing import Any

from PIL import ImageOps

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import flat
from gateway_worker.media.processing.pictures import opened, small_enough


def make_profile_picture(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """A square that is no larger than WhatsApp shows it, without metadata whatever is wanted of others."""
    del keep_metadata
    with opened(source, mimetype) as picture:
        picture.draft("RGB", (limits.PROFILE_SIDE, limits.PROFILE_SIDE))  # a large JPEG is decoded smaller
        shown = flat(ImageOps.exif_transpose(picture))
    side = min(limits.PROFILE_SIDE, *shown.size)
    square = ImageOps.fit(shown, (side, side))
    target.write_bytes(small_enough(square, "JPEG", limits.MAX_PROFILE_PICTURE))
    return {"width": side, "height": side, "mimetype": "image/jpeg", "converted": True}
