"""What a photo says beside its picture is left out, whatever fills its file between the segments."""

import io

from PIL import Image

from gateway_worker.media.processing.privacy import bare_jpeg
from tests.support import media


def test_fill_bytes_in_front_of_a_segment_hide_nothing_and_cost_no_time() -> None:
    content = media.photo()
    at = content.index(b"\xff\xe1")
    bare = bare_jpeg(content[:at] + b"\xff" * 1_000_000 + content[at:])
    assert b"Exif" not in bare
    with Image.open(io.BytesIO(bare)) as shown:
        shown.load()
        assert shown.size == (160, 120)


def test_what_lies_between_segments_is_left_out_as_decoders_leave_it() -> None:
    content = media.photo()
    at = content.index(b"\xff\xe1") + 2
    length = int.from_bytes(content[at : at + 2])
    short = content[:at] + (60).to_bytes(2) + content[at + 2 : at + length] + content[at + length :]
    bare = bare_jpeg(short)
    assert b"Ann Example" in short
    assert b"Ann Example" not in bare
    with Image.open(io.BytesIO(bare)) as shown:
        shown.load()
        assert shown.size == (160, 120)
