"""What a received file is called in the bucket."""

import pytest

from gateway_worker.objects.safe_mimetypes import OTHER, safe_mimetype


@pytest.mark.parametrize(
    ("kind", "declared", "head", "expected"),
    [
        ("image", "image/png", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image", "text/html", b"<html>", OTHER),
        ("image", "image/svg+xml", b"<svg", OTHER),
        ("document", "text/html", b"<html>", OTHER),
        ("document", "application/javascript", b"x", OTHER),
        ("document", "Application/PDF", b"%PDF-1.4", "application/pdf"),
        ("document", "application/zip", b"PK", "application/zip"),
        ("document", "application/zip\r\nX: y", b"PK", OTHER),
        ("document", None, b"PK", OTHER),
        ("voice", "audio/ogg; codecs=opus", b"OggS", "audio/ogg; codecs=opus"),
        ("voice", None, b"OggS", "audio/ogg"),
        ("video", None, b"\0\0\0 ftypmp42", "video/mp4"),
        ("sticker", "application/was", b"PK\x03\x04", "application/was"),
        ("sticker", "application/was", b"RIFF\0\0\0\0WEBP", "image/webp"),
        ("sticker", "application/zip", b"PK\x03\x04", OTHER),
        ("sticker", "image/webp", b"RIFF\0\0\0\0WEBP", "image/webp"),
    ],
)
def test_first_bytes_count_and_nothing_active_passes(
    kind: str, declared: str | None, head: bytes, expected: str
) -> None:
    assert safe_mimetype(kind, declared, head) == expected
