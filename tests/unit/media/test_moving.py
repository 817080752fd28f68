"""Pictures that move, as the films that stand for GIFs."""

import io
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from gateway_worker.media import limits
from gateway_worker.media.processing.faults import Fault
from gateway_worker.media.processing.moving import make_moving

SIDES = (65, 33)


def _moving(form: str, frames: int = 4) -> bytes:
    """A red bar that moves over nothing; each frame is there for a quarter of a second."""
    drawn = [Image.new("RGBA", SIDES, (0, 0, 0, 0)) for _ in range(frames)]
    for number, each in enumerate(drawn):
        each.paste((255, 0, 0, 255), (number * 4 % 60, 0, number * 4 % 60 + 4, 33))
    held = io.BytesIO()
    drawn[0].save(held, form, save_all=True, append_images=drawn[1:], duration=250, disposal=2)
    return held.getvalue()


@pytest.mark.parametrize("form", ["WEBP", "PNG", "AVIF"])
def test_a_picture_that_moves_becomes_a_film_on_white_with_its_times(tmp_path: Path, form: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(_moving(form))
    made = make_moving(source, target, f"image/{form.lower()}")
    assert (made["mimetype"], made["width"] % 2, made["height"] % 2, made["seconds"]) == ("video/mp4", 0, 0, 1)
    assert made["thumbnail"]
    with av.open(str(target), "r") as played:
        shown: list[Any] = list(played.decode(video=0))
    assert [round(float(frame.time), 2) for frame in shown] == [0.0, 0.25, 0.5, 0.75]
    assert min(shown[0].to_image().getpixel((40, 10))) > 240


@pytest.mark.parametrize(
    ("form", "frames", "reason"), [("PNG", 1, "still"), ("WEBP", 1, "still"), ("WEBP", limits.MAX_FRAMES + 1, "frames")]
)
def test_one_that_does_not_move_or_for_too_long_is_refused(tmp_path: Path, form: str, frames: int, reason: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(_moving(form, frames))
    with pytest.raises(Fault) as refused:
        make_moving(source, tmp_path / "target", f"image/{form.lower()}")
    assert refused.value.reason == reason
