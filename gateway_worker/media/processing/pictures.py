"""Pictures, with Pillow: as they are, or as JPEG."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from gateway_worker.media import limits
from gateway_worker.media.processing.colours import flat, is_plain
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.privacy import bare_jpeg, bare_png
from gateway_worker.media.processing.webp import WebP, read_webp

Image.MAX_IMAGE_PIXELS = None  # we look at the size before anything is decoded, and say it in our own words

_FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
    "image/avif": "AVIF",
}
_BARE: Final = {"image/jpeg": bare_jpeg, "image/png": bare_png}
"""Formats that WhatsApp's clients show, and what leaves of them without private metadata."""
_PHOTOS: Final = frozenset({"image/jpeg", "image/heic", "image/heif", "image/avif"})
_ORIENTATION: Final = 0x0112
_TURNED: Final = frozenset({5, 6, 7, 8})  # of the orientations: height and width change places
_UPRIGHT: Final = 1
_JPEG_QUALITY: Final = 88
_PHOTO_QUALITIES: Final = (92, 85, 75)
_QUALITIES: Final = (80, 60, 40, 20, 5)
_REDUCING: Final = 2.0  # as Pillow's own thumbnails
_DRAFT: Final = 4
"""A JPEG is decoded to some multiple of its thumbnail only: that reads all of it, and needs little memory."""


def make_image(source: Path, target: Path, mimetype: str, *, keep_metadata: bool = False) -> dict[str, Any]:
    """A picture as WhatsApp's clients show it; `target` is written if it must be another one."""
    with opened(source, mimetype) as picture:
        stays = mimetype in _BARE and is_plain(picture)
        turn = picture.getexif().get(_ORIENTATION, _UPRIGHT)
        if stays and (keep_metadata or turn == _UPRIGHT):
            return _as_it_is(picture, source, target, mimetype, keep_metadata=keep_metadata)
        exif, profile = picture.info.get("exif"), picture.info.get("icc_profile")
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        more: dict[str, Any] = {"icc_profile": profile} if profile and picture.mode not in {"CMYK", "LAB"} else {}
        if keep_metadata and exif is not None:
            kept = picture.getexif()
            kept.pop(_ORIENTATION, None)
            more["exif"] = kept.tobytes()
        if mimetype == "image/png" and stays:
            return _made(picture, "image/png", lambda: picture.save(target, "PNG", **more))
        if profile and profile[16:20] != b"RGB ":
            more.pop("icc_profile", None)  # it is of grey, and what is saved has colours
        shown = flat(picture)
        return _made(shown, "image/jpeg", lambda: _save_jpeg(shown, target, mimetype, more))


def thumbnail_of(picture: Image.Image) -> str:
    """A small JPEG, base64."""
    whole = flat(picture)
    share = min(1.0, limits.THUMBNAIL_SIDE / max(whole.size))
    size = max(1, round(whole.width * share)), max(1, round(whole.height * share))
    small = whole.resize(size, reducing_gap=_REDUCING)  # without a copy of the whole
    return base64.b64encode(small_enough(small, "JPEG", limits.MAX_THUMBNAIL)).decode()


def small_enough(picture: Image.Image, form: str, most: int, **more: Any) -> bytes:
    """As good as it can be within so many bytes."""
    for quality in _QUALITIES:
        held = io.BytesIO()
        picture.save(held, form, quality=quality, **more)
        if held.tell() <= most:
            return held.getvalue()
    raise Fault("too_large", "bytes", limit=most)


def check_size(width: int, height: int) -> None:
    """Refuse what would need too much memory."""
    if width < 1 or height < 1:
        raise Fault("unsupported", "unreadable")
    if width > limits.MAX_SIDE or height > limits.MAX_SIDE:
        raise Fault("too_large", "pixels", width=width, height=height, limit=limits.MAX_SIDE)
    if width * height > limits.MAX_PIXELS:
        raise Fault("too_large", "pixels", width=width, height=height, limit=limits.MAX_PIXELS)


def opened(source: Path, mimetype: str) -> Image.Image:
    """Opened as the format it is, its size checked; nothing is decoded yet."""
    if mimetype == "image/webp":
        checked_webp(source)  # Pillow takes memory for the canvas as soon as it opens one
    if _FORMATS[mimetype] == "HEIF":
        _learn_heif()
    picture = Image.open(source, formats=(_FORMATS[mimetype],))
    check_size(*picture.size)
    return picture


def _learn_heif() -> None:
    """Its library is loaded only where it is needed: it is larger than all others together."""
    import pillow_heif  # noqa: PLC0415

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def checked_webp(source: Path) -> WebP:
    """The structure of a WebP that is not too large."""
    with source.open("rb") as file:
        found = read_webp(file, source.stat().st_size)
    check_size(found.width, found.height)
    if found.frames > limits.MAX_FRAMES:
        raise Fault("too_large", "frames", frames=found.frames, limit=limits.MAX_FRAMES)
    return found


def _as_it_is(
    picture: Image.Image, source: Path, target: Path, mimetype: str, *, keep_metadata: bool
) -> dict[str, Any]:
    """The picture of the file, bit by bit; without its metadata, or with all of them."""
    width, height = picture.size
    if mimetype == "image/jpeg":
        side = limits.THUMBNAIL_SIDE * _DRAFT
        picture.draft("RGB", (side, side))
    picture.load()
    turn = picture.getexif().get(_ORIENTATION, _UPRIGHT)
    upright = ImageOps.exif_transpose(picture)
    width, height = (height, width) if turn in _TURNED else (width, height)
    made = {"width": width, "height": height, "thumbnail": thumbnail_of(upright)}
    if keep_metadata:
        return made
    content = source.read_bytes()
    bare = _BARE[mimetype](content)
    if bare == content:
        return made
    target.write_bytes(bare)
    return {**made, "converted": True}


def _made(shown: Image.Image, mimetype: str, save: Callable[[], None]) -> dict[str, Any]:
    save()
    return {
        "width": shown.width,
        "height": shown.height,
        "thumbnail": thumbnail_of(shown),
        "mimetype": mimetype,
        "converted": True,
    }


def _save_jpeg(shown: Image.Image, target: Path, mimetype: str, more: dict[str, Any]) -> None:
    """As a photo, if it was one: within the limit of pictures."""
    for quality in _PHOTO_QUALITIES if mimetype in _PHOTOS else (_JPEG_QUALITY, *_PHOTO_QUALITIES[1:]):
        shown.save(target, "JPEG", quality=quality, **more)
        if target.stat().st_size <= limits.MAX_BYTES["image"]:
            return
    raise Fault("too_large", "bytes", size=target.stat().st_size, limit=limits.MAX_BYTES["image"])
