"""Stickers that move, from pictures that do: WebP of at most 512 x 512, within WhatsApp's size, with its times."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps, ImageSequence

from gateway_worker.media import limits
from gateway_worker.media.processing.animation import opened_moving, seconds_of
from gateway_worker.media.processing.colours import in_eight_bits
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.privacy import names_its_pack

_CLEAR: Final = (0, 0, 0, 0)
_A_SECOND: Final = 20
"""Pictures a second that are looked at; what is shown for less is left out."""
_FASTEST: Final = 0
"""Of WebP's methods: half a minute for ten seconds of pictures would be too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How small it is made: WebP's quality, pictures a second, and pixels of its side that are drawn on."""

    quality: int
    a_second: int
    side: int = limits.STICKER_SIDE


_MANNERS: Final = (
    _Manner(quality=75, a_second=_A_SECOND),
    _Manner(quality=50, a_second=15),
    _Manner(quality=30, a_second=10),
    _Manner(quality=15, a_second=8, side=384),
    _Manner(quality=5, a_second=6, side=256),
)


def make_moving_sticker(source: Path, target: Path, mimetype: str) -> dict[str, Any]:
    """Tries one manner after the other. Raises a `Fault` for what is too long, or does not fit however small."""
    with opened_moving(source, mimetype) as picture:
        frames: int = getattr(picture, "n_frames", 1)
        if frames > limits.MAX_FRAMES:
            raise Fault("too_large", "frames", frames=frames, limit=limits.MAX_FRAMES)
        exif: bytes = picture.info.get("exif", b"")
        shown = list(_thinned(_frames(picture), _A_SECOND))
    content = b""
    for manner in _MANNERS:
        content = _written(shown, manner, exif if names_its_pack(exif) else b"")
        if len(content) <= limits.MAX_ANIMATED_STICKER:
            target.write_bytes(content)
            side = limits.STICKER_SIDE
            return {"width": side, "height": side, "animated": True, "mimetype": "image/webp", "converted": True}
    raise Fault("too_large", "bytes", size=len(content), limit=limits.MAX_ANIMATED_STICKER)


_Shown = tuple[Image.Image, Fraction]
"""A picture, and when it begins to be shown; the last one only says when all ends."""


def _frames(picture: Image.Image) -> Iterator[_Shown]:
    at, side = Fraction(), limits.STICKER_SIDE
    square = Image.new("RGBA", (side, side), _CLEAR)
    for frame in ImageSequence.Iterator(picture):
        fitted = ImageOps.contain(in_eight_bits(frame), (side, side))
        square = Image.new("RGBA", (side, side), _CLEAR)
        square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
        yield square, at
        at += seconds_of(frame)
        if at > limits.MAX_STICKER_SECONDS:
            raise Fault("too_large", "seconds", limit=limits.MAX_STICKER_SECONDS)
    yield square, at


def _thinned(shown: Iterator[_Shown] | Sequence[_Shown], a_second: int) -> Iterator[_Shown]:
    """Not more than so many pictures a second; the end stays."""
    last: _Shown | None = None
    least, taken = Fraction(1, a_second), Fraction(-1)
    for each in shown:
        if last is not None and last[1] - taken >= least:
            yield last
            taken = last[1]
        last = each
    if last is not None:
        yield last


def _written(shown: Sequence[_Shown], manner: _Manner, exif: bytes) -> bytes:
    chosen = list(_thinned(shown, manner.a_second))
    times = [round(1_000 * (after[1] - before[1])) for before, after in pairwise(chosen)]
    drawn = [_drawn(picture, manner.side) for picture, _ in chosen[:-1]]
    held = io.BytesIO()
    drawn[0].save(
        held,
        "WEBP",
        save_all=True,
        append_images=drawn[1:],
        duration=times,
        loop=0,
        quality=manner.quality,
        method=_FASTEST,
        exif=exif,
    )
    return held.getvalue()


def _drawn(picture: Image.Image, side: int) -> Image.Image:
    """With less detail, and as large."""
    if side == picture.width:
        return picture
    return picture.resize((side, side)).resize(picture.size)
