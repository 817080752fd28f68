"""Profile pictures: a square JPEG from the middle, whatever was given."""

import io
from pathlib import Path

import pytest
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.profile_pictures import make_profile_picture
from tests.support import media


def _made(tmp_path: Path, content: bytes, form: str) -> Image.Image:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    made = make_profile_picture(source, target, f"image/{form.lower()}")
    assert made["converted"]
    assert target.stat().st_size <= limits.MAX_PROFILE_PICTURE
    return Image.open(io.BytesIO(target.read_bytes()))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_it_is_a_square_of_the_middle_no_larger_than_whatsapp_shows(tmp_path: Path, form: media.Picture) -> None:
    drawn = Image.new("RGB", (2_000, 1_000), "red")
    drawn.paste("green", (500, 0, 1_500, 1_000))
    held = io.BytesIO()
    drawn.save(held, form)
    with _made(tmp_path, held.getvalue(), form) as shown:
        assert (shown.format, shown.size) == ("JPEG", (limits.PROFILE_SIDE, limits.PROFILE_SIDE))
        colours = [shown.convert("RGB").getpixel(at) for at in ((20, 320), (620, 320))]
    assert all(isinstance(each, tuple) and each[1] > each[0] for each in colours)


def test_a_small_one_stays_as_large_as_it_is_and_upright(tmp_path: Path) -> None:
    with _made(tmp_path, media.turned_picture(), "JPEG") as shown:
        assert (shown.size, shown.getexif().get(0x0112)) == ((120, 120), None)
