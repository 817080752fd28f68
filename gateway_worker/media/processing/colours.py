"""Pictures of every mode as 8 bits of red, green and blue: deep ones scaled, transparent ones on white. Pure."""

import io
from typing import Any, Final, cast

from PIL import Image, ImageCms, ImageOps

_WHITE: Final = (255, 255, 255)
_DEEP: Final = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N", "I;12"})
_TRANSPARENT: Final = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_BYTE, _WORD = 0xFF, 0xFFFF
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF


def is_plain(picture: Image.Image) -> bool:
    """Whether every viewer shows it as it is: no more than 8 bits, and no colours of printers."""
    return picture.mode in {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


def flat(picture: Image.Image) -> Image.Image:
    """On white, without transparency; nothing of its file's texts goes with it."""
    made = _flat(_eight_bits(picture))
    made.info = {}
    return made


def in_eight_bits(picture: Image.Image) -> Image.Image:
    """The same with its transparency, in 8 bits."""
    return _eight_bits(picture).convert("RGBA")


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode in _TRANSPARENT or "transparency" in picture.info:
        covering = picture.convert("RGBA")
        under = Image.new("RGB", picture.size, _WHITE)
        under.paste(covering, mask=covering.getchannel("A"))
        return under
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    match picture.mode:
        case mode if mode in _DEEP:
            return _scaled(picture)
        case "CMYK" | "LAB":
            return _matched(picture)
        case "RGBa":
            return picture.convert("RGBA")
        case "La":
            return picture.convert("LA")
        case _:
            return picture


def _scaled(picture: Image.Image) -> Image.Image:
    """Grey of more than 8 bits: over the whole range that its format gives it, else over the range that it uses."""
    wide = picture if picture.mode in {"I", "F"} else picture.convert("I")
    lowest, highest = cast("tuple[float, float]", wide.getextrema())
    tags: Any = getattr(picture, "tag_v2", {})
    bits = _first(tags.get(_BITS_PER_SAMPLE), 16)
    if picture.mode == "F":
        least, most = _range_of_reals(lowest, highest)
    elif lowest >= 0 and highest <= _WORD and bits <= 16:  # noqa: PLR2004 (what fits into a word)
        least, most = 0, (1 << bits) - 1
    else:
        least, most = lowest, highest
    factor = _BYTE / max(most - least, 1e-9)
    grey = wide.point(lambda value: value * factor - least * factor).convert("L")
    is_inverted = _first(tags.get(_PHOTOMETRIC), 1) == _WHITE_IS_ZERO and picture.mode != "F"
    return ImageOps.invert(grey) if is_inverted else grey


def _range_of_reals(lowest: float, highest: float) -> tuple[float, float]:
    """What is black and what is white among reals: by custom 0 and 1, or those of bytes or words."""
    most = next((each for each in (1, _BYTE, _WORD) if highest <= each), highest)
    return (0, most) if lowest >= 0 and highest > 0 else (lowest, highest)


def _matched(picture: Image.Image) -> Image.Image:
    """Colours of printers as a screen shows them, by their own profile where it can be used."""
    profile: Any = picture.info.get("icc_profile")
    screen = cast("Any", ImageCms.createProfile("sRGB"))
    try:
        source = cast("Any", ImageCms.createProfile("LAB") if picture.mode == "LAB" else io.BytesIO(profile))
        made = ImageCms.profileToProfile(picture, source, screen, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return picture.convert("RGB")
    return cast("Image.Image", made)


def _first(value: Any, otherwise: int) -> int:
    values = cast("tuple[Any, ...]", value if isinstance(value, tuple) else (value,))
    return values[0] if values and isinstance(values[0], int) else otherwise
