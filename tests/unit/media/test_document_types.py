"""What a document is called: what is said of it, unless its bytes really contradict that."""

import gzip
from collections.abc import Callable

import pytest

from gateway_worker.media.sniffing import document_type
from tests.support import media

# Files that cost time are made in the test that wants them, not while tests are collected.
Content = bytes | Callable[[], bytes]

PDF = b"%PDF-1.7\n" + bytes(200)
ZIP = b"PK\x03\x04" + bytes(50)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50)
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\x82\x84webm" + bytes(50)
UNKNOWN = b"\x01\x02\x03\x00" * 50
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ANY = "application/octet-stream"


def beginning(content: Content) -> bytes:
    """What the sniffer is given of a file."""
    return (content if isinstance(content, bytes) else content())[:4096]


STANDS: list[tuple[Content, str]] = [
    (b"BMI;weight\n1;2\n", "text/csv"),
    ("BMI;Größe\n".encode("cp1252"), "text/csv"),
    (b"ID3 tags are explained here", "text/plain"),
    (b"GIF89a is a format", "text/markdown"),
    (b"MZ;x\n1;2\n", "text/csv"),
    ("a;b\n".encode("utf-16"), "text/csv"),
    (b"{}", "application/vnd.acme+json"),
    (b"<svg/>", "image/svg+xml"),
    (b"a,b\n", "application/vnd.ms-excel"),
    (WEBM, "audio/webm"),
    (WEBM, "video/webm; codecs=vp8"),
    (ZIP, ANY),
    (PDF, ANY),
    (ZIP, DOCX),
    (OLE, DOCX),
    (OLE, "application/msword"),
    (ZIP, "application/vnd.android.package-archive"),
    (b"\n\n" + PDF, "application/pdf"),
    (media.film, "audio/mp4"),
    (media.film, "video/x-m4v"),
    (lambda: media.encoded_sound("libopus", "ogg"), "audio/opus"),
    (lambda: media.picture("TIFF"), "image/x-adobe-dng"),
    (lambda: media.picture("JPEG"), "image/jpg"),
    (lambda: media.encoded_sound("libmp3lame", "mp3"), "audio/mp3"),
    (UNKNOWN, "application/x-acme"),
    (UNKNOWN, "audio/mpeg"),
]


@pytest.mark.parametrize(("content", "said"), STANDS)
def test_what_is_said_stands(content: Content, said: str) -> None:
    assert document_type(beginning(content), said, None) == said


CONTRADICTED: list[tuple[Content, str | None, str | None, str]] = [
    (PDF, "image/png", "a.png", "application/pdf"),
    (lambda: media.picture("PNG"), "application/pdf", None, "image/png"),
    (lambda: media.picture("PNG"), "text/html", None, "image/png"),
    (lambda: media.picture("PNG"), "audio/x-acme", None, "image/png"),
    (lambda: media.picture("PNG"), "image/jpeg", None, "image/png"),
    (b"hello", "application/pdf", None, "text/plain"),
    (b"a,b\n", "application/pdf", "a.csv", "text/csv"),
    (b"hello", DOCX, None, "text/plain"),
    (ZIP, "application/pdf", None, "application/zip"),
    (PDF, DOCX, None, "application/pdf"),
    (UNKNOWN, "image/jpeg", None, ANY),
    (b"MZ" + bytes(200), "application/pdf", "a.pdf", "application/x-msdownload"),
    (b"MZ" + bytes(200), "application/x-acme", None, "application/x-msdownload"),
    (b"hello", None, None, "text/plain"),
    ("Größe und Gewicht\n".encode("cp1252"), None, None, "text/plain"),
    (b"a,b\n", None, "a.csv", "text/csv"),
    (gzip.compress(b"a", mtime=0), None, "a.tar.gz", "application/gzip"),
    (gzip.compress(b"a", mtime=0), None, "a.csv.gz", "application/gzip"),
    (gzip.compress(b"a", mtime=0), "application/x-tar", "a.tgz", "application/x-tar"),
    (ZIP, None, "a.docx", DOCX),
    (ZIP, None, None, "application/zip"),
    (UNKNOWN, None, None, ANY),
    (b"7z\xbc\xaf\x27\x1c" + bytes(50), None, None, "application/x-7z-compressed"),
    (media.sound, None, None, "audio/wav"),
]


@pytest.mark.parametrize(("content", "said", "name", "found"), CONTRADICTED)
def test_what_cannot_be_is_called_what_it_is(content: Content, said: str | None, name: str | None, found: str) -> None:
    assert document_type(beginning(content), said, name) == found
