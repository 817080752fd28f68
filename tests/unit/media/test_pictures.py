"""Pictures made anew say no more of their colours than is true."""

import io
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageCms

from gateway_worker.media.processing.pictures import make_image

RGB = ImageCms.ImageCmsProfile(cast("Any", ImageCms.createProfile("sRGB"))).tobytes()
GREY = RGB[:16] + b"GRAY" + RGB[20:]


@pytest.mark.parametrize(("mode", "profile", "kept"), [("L", GREY, False), ("RGB", RGB, True)])
def test_a_profile_goes_with_the_colours_it_is_of(tmp_path: Path, mode: str, profile: bytes, kept: bool) -> None:  # noqa: FBT001
    held = io.BytesIO()
    Image.new(mode, (40, 30)).save(held, "TIFF", icc_profile=profile)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(held.getvalue())
    assert make_image(source, target, "image/tiff")["mimetype"] == "image/jpeg"
    with Image.open(target) as shown:
        assert ("icc_profile" in shown.info) == kept
