"""Stickers: what is one already stays, everything else becomes one that WhatsApp's clients show."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.stickers import make_sticker

PACK = b'{"sticker-pack-id":"a"}'


def _saved(drawn: Sequence[Image.Image], form: str, **more: Any) -> bytes:
    held = io.BytesIO()
    moving: dict[str, Any] = {"save_all": True, "append_images": drawn[1:]} if len(drawn) > 1 else {}
    drawn[0].save(held, form, **moving, **more)
    return held.getvalue()


def _bars(frames: int, size: tuple[int, int] = (200, 100)) -> Sequence[Image.Image]:
    """A red bar that moves over nothing."""
    drawn = [Image.new("RGBA", size, (0, 0, 0, 0)) for _ in range(frames)]
    for number, each in enumerate(drawn):
        each.paste((255, 0, 0, 255), (number * 20, 0, number * 20 + 20, size[1]))
    return drawn


def _made(tmp_path: Path, content: bytes, form: str) -> tuple[dict[str, Any], bytes]:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    made = make_sticker(source, target, f"image/{form.lower()}")
    return made, (target if made.get("converted") else source).read_bytes()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_what_moves_becomes_a_sticker_that_moves_in_its_time_on_nothing(tmp_path: Path, form: str) -> None:
    content = _saved(_bars(4, (800, 400)), form, duration=250, disposal=2)
    made, sent = _made(tmp_path, content, form)
    assert (made["mimetype"], made["width"], made["height"], made["animated"]) == ("image/webp", 512, 512, True)
    with Image.open(io.BytesIO(sent)) as shown:
        assert (shown.format, shown.size, shown.n_frames) == ("WEBP", (512, 512), 4)  # pyright: ignore[reportAttributeAccessIssue]
        times = list[int]()
        for number in range(4):
            shown.seek(number)
            shown.load()
            times.append(shown.info["duration"])
            frame = shown.convert("RGBA")
            assert frame.getpixel((256, 20))[3] == 0, "above the picture, which is half as high"  # pyright: ignore[reportIndexIssue, reportOptionalSubscript]
            red = frame.getpixel((round((number * 20 + 10) * 0.64), 256))
            assert (red[0] > 200, red[3]) == (True, 255)  # pyright: ignore[reportIndexIssue, reportOptionalSubscript, reportOperatorIssue, reportUnknownVariableType]
    assert times == [250] * 4


def test_what_is_a_sticker_already_stays_as_it_is(tmp_path: Path) -> None:
    for frames in (1, 3):
        content = _saved(_bars(frames), "WEBP", duration=100)
        made, sent = _made(tmp_path, content, "WEBP")
        assert sent == content
        assert (made["width"], made["height"], made["animated"]) == (200, 100, frames > 1)


def test_one_of_many_bytes_is_made_with_less_and_lasts_as_long(tmp_path: Path) -> None:
    noise = [Image.effect_noise((512, 512), 90 + number).convert("RGB") for number in range(20)]
    content = _saved(noise, "WEBP", duration=40, quality=90)
    assert len(content) > limits.MAX_ANIMATED_STICKER
    made, sent = _made(tmp_path, content, "WEBP")
    assert made["animated"]
    assert len(sent) <= limits.MAX_ANIMATED_STICKER
    with Image.open(io.BytesIO(sent)) as shown:
        lasts = 0
        for number in range(int(getattr(shown, "n_frames", 1))):
            shown.seek(number)
            shown.load()
            lasts += shown.info["duration"]
    assert lasts == 800


def test_one_that_lasts_too_long_is_refused_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(Fault) as refused:
        _made(tmp_path, _saved(_bars(4), "GIF", duration=2_600), "GIF")
    assert (refused.value.code, refused.value.reason, refused.value.detail["limit"]) == ("too_large", "seconds", 10)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "AVIF", "PNG", "JPEG"])
def test_a_still_of_any_format_becomes_a_square(tmp_path: Path, form: str) -> None:
    made, sent = _made(tmp_path, _saved([Image.new("RGB", (300, 900), (0, 128, 0))], form), form)
    with Image.open(io.BytesIO(sent)) as shown:
        assert (shown.format, shown.size, made["animated"]) == ("WEBP", (512, 512), False)
        corner, middle = shown.convert("RGBA").getpixel((2, 2)), shown.convert("RGBA").getpixel((256, 256))
    assert (corner[3], middle[3]) == (0, 255)  # pyright: ignore[reportIndexIssue, reportOptionalSubscript, reportUnknownVariableType]


@pytest.mark.parametrize("frames", [1, 3])
def test_the_name_of_its_pack_stays_with_one_that_is_made_smaller(tmp_path: Path, frames: int) -> None:
    exif = Image.Exif()
    exif[0x5741] = PACK
    _, sent = _made(tmp_path, _saved(_bars(frames, (900, 700)), "WEBP", exif=exif, duration=100), "WEBP")
    assert PACK in sent
