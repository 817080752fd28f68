"""Files that are not what they should be: each is answered with its code, by the real processes."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gateway_worker.media.fetching import Fetcher
from gateway_worker.media.prepared import PreparedFile
from gateway_worker.media.preparing import BucketAway, Preparation
from gateway_worker.media.spool import Spool
from gateway_worker.media.worker_pool import WorkerPool
from gateway_worker.objects.media import MediaObjects
from schemas.content.outgoing_media import MediaSource
from schemas.errors import MediaError
from tests.support import media
from tests.support.services.private_services import Buckets, PrivateServices
from tests.support.services.s3 import s3_client
from tests.support.services.shelf import Shelf


class Environment:
    """A preparation and what is around it."""

    def __init__(self, folder: Path, *, spool_bytes: int = 128 << 20) -> None:
        self.spool = Spool(folder / "spool", spool_bytes)
        self.spool.open()
        self.shelf = Shelf()
        self.files = Preparation(
            spool=self.spool, fetcher=Fetcher(), bucket=self.shelf, pool=WorkerPool(), max_document=32 << 20
        )

    async def prepare(self, kind: str, content: bytes, **more: str) -> tuple[PreparedFile, bytes]:
        """The prepared file and its bytes."""
        self.shelf.files["uploads/a"] = content
        async with self.files.prepare(kind, MediaSource(object="uploads/a", **more), party="s") as made:
            return made, made.path.read_bytes()

    async def refusal(self, kind: str, content: bytes) -> tuple[str, str]:
        """Code and reason; and nothing is left in the spool."""
        with pytest.raises(MediaError) as caught:
            await self.prepare(kind, content)
        assert caught.value.detail is not None
        assert list(self.spool.directory.iterdir()) == []
        return caught.value.code, caught.value.detail["reason"]


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


PDF = b"%PDF-1.7\n" + bytes(200)
WRONG: dict[str, bytes] = {
    "pdf": PDF,
    "zip": b"PK\x03\x04" + bytes(100),
    "exe": b"MZ" + bytes(200),
    "elf": b"\x7fELF" + bytes(200),
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "text": b"hello, I am a picture.jpg",
    "zeros": bytes(4096),
    "gzip": zlib.compress(bytes(10), wbits=31),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "sticker"])
async def test_what_is_of_another_type_is_refused(here: Environment, kind: str, wrong: str) -> None:
    assert await here.refusal(kind, WRONG[wrong]) == ("media.unsupported", "type")


@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "document", "sticker"])
async def test_nothing_is_refused(here: Environment, kind: str) -> None:
    assert await here.refusal(kind, b"") == ("media.unsupported", "empty")


# Each is made in the test that wants it, not while the tests are collected.
Made = Callable[[], bytes]

MIXED: dict[str, tuple[str, Made]] = {
    "image-film": ("image", media.film),
    "image-sound": ("image", media.sound),
    "image-mov": ("image", lambda: media.film(form="mov")),
    "sticker-mov": ("sticker", lambda: media.film(form="mov")),
    "video-avif": ("video", lambda: b"\0\0\0\x1cftypavif" + bytes(100)),
    "video-picture": ("video", media.picture),
    "video-gif": ("video", lambda: media.animation(3, 32, "GIF")),
    "video-sound": ("video", lambda: media.encoded_sound("libmp3lame", "mp3")),
    "audio-picture": ("audio", lambda: media.picture("PNG")),
    "voice-picture": ("voice", lambda: media.picture("PNG")),
    "sticker-film": ("sticker", media.film),
}


@pytest.mark.parametrize("name", MIXED)
async def test_good_files_of_another_kind_are_refused(here: Environment, name: str) -> None:
    kind, make = MIXED[name]
    assert await here.refusal(kind, make()) == ("media.unsupported", "type")


INSIDE: dict[str, tuple[str, Made, str]] = {
    "video-without-picture": ("video", lambda: media.encoded_sound("aac", "mp4"), "codec"),
    "audio-with-picture": ("audio", media.film, "streams"),
    "voice-with-picture": ("voice", media.film, "streams"),
    "audio-mov": ("audio", lambda: media.film(form="mov"), "streams"),
}


@pytest.mark.parametrize("name", INSIDE)
async def test_what_is_inside_counts(here: Environment, name: str) -> None:
    kind, make, reason = INSIDE[name]
    assert await here.refusal(kind, make()) == ("media.unsupported", reason)


WHOLE: dict[str, tuple[str, Made]] = {
    "jpeg": ("image", lambda: media.picture("JPEG", 640, 480)),
    "png": ("image", lambda: media.picture("PNG", 640, 480)),
    "webp": ("image", lambda: media.picture("WEBP", 640, 480)),
    "gif": ("image", lambda: media.picture("GIF", 640, 480)),
    "bmp": ("image", lambda: media.picture("BMP", 64, 48)),
    "tiff": ("image", lambda: media.picture("TIFF", 64, 48)),
    "sticker": ("sticker", lambda: media.animation(3, 64)),
    "film": ("video", media.film),
    "m4a": ("audio", lambda: media.encoded_sound("aac", "mp4")),
    "wav": ("audio", media.sound),
    "opus": ("audio", lambda: media.encoded_sound("libopus", "ogg")),
    "long opus": ("voice", lambda: media.encoded_sound("libopus", "ogg", 3)),
    "flac": ("voice", lambda: media.encoded_sound("flac", "flac")),
}
CUT: dict[str, tuple[float, ...]] = {
    "jpeg": (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97),
    "png": (0.02, 0.1, 0.3, 0.5, 0.7, 0.9),
    "webp": (0.1, 0.5, 0.9),
    "gif": (0.1, 0.5, 0.9),
    "bmp": (0.01, 0.5, 0.9),
    "tiff": (0.01, 0.5),
    "sticker": (0.1, 0.5, 0.9),
    "film": (0.05, 0.3, 0.5, 0.7, 0.9, 0.99),
    "m4a": (0.1, 0.5, 0.9),
    "wav": (0.0003,),
    "opus": (0.01,),
    "long opus": (0.01,),
    "flac": (0.001,),
}


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in CUT.items() for part in parts])
async def test_what_is_cut_off_before_it_can_be_shown_or_played_is_refused(
    here: Environment, name: str, part: float
) -> None:
    kind, make = WHOLE[name]
    content = make()
    code, reason = await here.refusal(kind, content[: int(len(content) * part)])
    assert (code, reason in {"unreadable", "truncated", "type"}) == ("media.unsupported", True), reason


def _noise(head: bytes) -> bytes:
    return head + bytes((number * 197 + 31) % 256 for number in range(3000))


NOISE: dict[str, tuple[str, bytes]] = {
    "jpeg": ("image", _noise(b"\xff\xd8\xff\xe0")),
    "png": ("image", _noise(b"\x89PNG\r\n\x1a\n")),
    "gif": ("image", _noise(b"GIF89a")),
    "bmp": ("image", _noise(b"BM")),
    "tiff": ("image", _noise(b"II*\0")),
    "heic": ("image", _noise(b"\0\0\0\x18ftypheic")),
    "avif": ("image", _noise(b"\0\0\0\x18ftypavif")),
    "webp": ("image", _noise(b"RIFF\xb0\x0b\0\0WEBPVP8 ")),
    "sticker": ("sticker", _noise(b"RIFF\xb0\x0b\0\0WEBPVP8L")),
    "sticker-extended": ("sticker", _noise(b"RIFF\xb0\x0b\0\0WEBPVP8X")),
    "mp4": ("video", _noise(b"\0\0\0\x18ftypisom")),
    "mov": ("video", _noise(b"\0\0\0\x18ftypqt  ")),
    "webm": ("video", _noise(b"\x1aE\xdf\xa3")),
    "gif-as-video": ("gif", _noise(b"GIF89a")),
    "3gp": ("video", _noise(b"\0\0\0\x18ftyp3gp4")),
    "only-ftyp": ("video", b"\0\0\0\x10ftypisom\0\0\2\0"),
    "box-of-nothing": ("video", b"\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\x01moov" + bytes(8)),
    "box-too-small": ("video", b"\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\x04moov" + bytes(8)),
    "empty-boxes": ("video", b"\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\x08moov\0\0\0\x08mdat"),
    "ogg": ("voice", _noise(b"OggS")),
    "ogg-page": ("voice", b"OggS" + bytes(23)),
    "flac": ("voice", _noise(b"fLaC")),
    "wav": ("voice", _noise(b"RIFF\xb0\x0b\0\0WAVE")),
    "wav-of-nothing": ("voice", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data" + bytes(4)),
    "mp3": ("voice", _noise(b"ID3")),
    "amr": ("voice", b"#!AMR\n"),
    "audio-flac": ("audio", _noise(b"fLaC")),
    "audio-ogg": ("audio", _noise(b"OggS")),
    "avi": ("video", _noise(b"RIFF\xb0\x0b\0\0AVI ")),
    "flv": ("video", _noise(b"FLV\1\5\0\0\0\x09")),
    "transport-stream": ("video", (b"\x47" + bytes(187)) * 20),
    "matroska": ("voice", _noise(b"\x1aE\xdf\xa3")),
}


@pytest.mark.parametrize("name", NOISE)
async def test_noise_behind_a_good_beginning_is_refused(here: Environment, name: str) -> None:
    code, _ = await here.refusal(*NOISE[name])
    assert code == "media.unsupported"


def _png(width: int, height: int, depth: int = 1) -> bytes:
    """A PNG of that size, packed as well as can be."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    row = 1 + (width * depth + 7) // 8
    data = zlib.compress(bytes(min(row * height, 50_000_000)), 9)
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _webp(name: bytes, body: bytes, *more: bytes) -> bytes:
    inside = b"WEBP" + b"".join([name + struct.pack("<I", len(body)) + body, *more])
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def _canvas(width: int, height: int) -> bytes:
    return b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _frame(width: int = 1, height: int = 1) -> bytes:
    body = bytes(6) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + bytes(4)
    return b"ANMF" + struct.pack("<I", len(body)) + body


def _bmp(width: int, height: int) -> bytes:
    return (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(900)
    )


def _jpeg_of(width: int, height: int) -> bytes:
    """A small JPEG that says it is as large."""
    content = bytearray(media.picture("JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def _gif_of(width: int, height: int) -> bytes:
    content = bytearray(media.picture("GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


def _slow_sound(seconds: int) -> bytes:
    """A WAV of one sample a second."""
    return (
        b"RIFF"
        + struct.pack("<I4s4sIHHIIHH4sI", 36 + seconds, b"WAVE", b"fmt ", 16, 1, 1, 1, 1, 1, 8, b"data", seconds)
        + bytes(seconds)
    )


HUGE: dict[str, tuple[str, Made, str]] = {
    "png-wide": ("image", lambda: _png(20_000, 100), "pixels"),
    "png-high": ("image", lambda: _png(100, 20_000), "pixels"),
    "png-bomb": ("image", lambda: _png(16_000, 16_000), "pixels"),
    "png-beyond": ("image", lambda: _png(2**31 - 1, 2**31 - 1), "pixels"),
    "png-sticker": ("sticker", lambda: _png(16_000, 16_000), "pixels"),
    "jpeg": ("image", lambda: _jpeg_of(65_000, 65_000), "pixels"),
    "jpeg-sticker": ("sticker", lambda: _jpeg_of(60_000, 60_000), "pixels"),
    "gif": ("image", lambda: _gif_of(65_535, 65_535), "pixels"),
    "bmp": ("image", lambda: _bmp(100_000, 100_000), "pixels"),
    "webp-canvas": ("image", lambda: _webp(b"VP8X", _canvas(16_384, 16_384), _frame()), "pixels"),
    "webp-canvas-most": ("image", lambda: _webp(b"VP8X", _canvas(1 << 24, 1 << 24), _frame()), "pixels"),
    "webp-lossless": (
        "image",
        lambda: _webp(b"VP8L", b"\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + bytes(3)),
        "pixels",
    ),
    "webp-lossy": (
        "image",
        lambda: _webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383)),
        "pixels",
    ),
    "sticker-canvas": ("sticker", lambda: _webp(b"VP8X", _canvas(16_384, 16_384), _frame(), _frame()), "pixels"),
    "sticker-lossless": (
        "sticker",
        lambda: _webp(b"VP8L", b"\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + b"\0\0\0"),
        "pixels",
    ),
    "sticker-frames": (
        "sticker",
        lambda: _webp(b"VP8X", _canvas(512, 512), *[_frame() for _ in range(5000)]),
        "frames",
    ),
    "image-frames": ("image", lambda: _webp(b"VP8X", _canvas(512, 512), *[_frame() for _ in range(5000)]), "frames"),
    "sticker-chunks": ("sticker", lambda: _webp(b"VP8X", _canvas(512, 512), b"XXXX\0\0\0\0" * 150_000), "chunks"),
    "image-bytes": ("image", lambda: b"\xff\xd8\xff" + bytes(17 << 20), "bytes"),
    "voice-seconds": ("voice", lambda: _slow_sound(20_000), "seconds"),
    "document-bytes": ("document", lambda: b"%PDF-" + bytes(33 << 20), "bytes"),
    "video-bytes": ("video", lambda: b"\0\0\0\x18ftypisom" + bytes(65 << 20), "bytes"),
}


@pytest.mark.parametrize("name", HUGE)
async def test_what_is_too_large_is_refused_before_it_hurts(here: Environment, name: str) -> None:
    kind, make, reason = HUGE[name]
    assert await here.refusal(kind, make()) == ("media.too_large", reason)


CONTRADICTIONS: dict[str, tuple[str, Made]] = {
    "frame-outside": ("sticker", lambda: _webp(b"VP8X", _canvas(64, 64), _frame(100, 100), _frame())),
    "riff-too-long": ("sticker", lambda: b"RIFF\xff\xff\xff\x7fWEBP" + media.picture("WEBP")[12:]),
    "chunk-too-long": ("sticker", lambda: _webp(b"VP8X", _canvas(64, 64), b"ANMF\xff\xff\xff\x7f")),
    "no-picture": ("sticker", lambda: _webp(b"EXIF", bytes(10))),
    "short-canvas": ("sticker", lambda: _webp(b"VP8X", bytes(2))),
    "png-without-data": ("image", lambda: media.picture("PNG")[:33] + b"\0\0\0\0IEND\xaeB`\x82"),
    "png-changed": ("image", lambda: media.picture("PNG").replace(b"IDAT", b"IDAU")),
    "jpeg-zero": ("image", lambda: _jpeg_of(0, 0)),
    "jpeg-without-data": ("image", lambda: media.picture("JPEG")[:300] + b"\xff\xd9"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
async def test_what_contradicts_itself_is_refused(here: Environment, name: str) -> None:
    kind, make = CONTRADICTIONS[name]
    code, _ = await here.refusal(kind, make())
    assert code == "media.unsupported"


async def test_an_object_that_is_missing_or_withheld_is_unreachable(here: Environment) -> None:
    for trouble in (FileNotFoundError("NoSuchKey"), PermissionError("AccessDenied"), PermissionError("Whatever")):
        here.shelf.files["uploads/b"] = trouble
        with pytest.raises(MediaError) as caught:
            async with here.files.prepare("document", MediaSource(object="uploads/b"), party="s"):
                pass
        assert (caught.value.code, caught.value.detail) == ("media.unreachable", {"reason": "missing"})


async def test_a_bucket_that_is_away_is_no_fault_of_the_file(here: Environment) -> None:
    for trouble in (ConnectionError(), TimeoutError(), PermissionError("InvalidAccessKeyId")):
        here.shelf.files["uploads/b"] = trouble
        with pytest.raises(BucketAway):
            async with here.files.prepare("document", MediaSource(object="uploads/b"), party="s"):
                pass


async def test_a_real_bucket_that_refuses_our_credentials_is_away_and_one_without_the_object_is_not(
    services: PrivateServices, buckets: Buckets, tmp_path: Path
) -> None:
    async with s3_client(services) as client, s3_client(services, secret="wrong") as stranger:
        async with client.calling() as driver:
            await driver.make_bucket(buckets.media)
        with pytest.raises(BucketAway):
            await prepared_from(MediaObjects(stranger, buckets.media), tmp_path / "stranger")
        with pytest.raises(MediaError) as caught:
            await prepared_from(MediaObjects(client, buckets.media), tmp_path / "known")
        assert caught.value.detail == {"reason": "missing"}


async def prepared_from(bucket: MediaObjects, folder: Path) -> None:
    spool = Spool(folder, 1 << 20)
    spool.open()
    files = Preparation(spool=spool, fetcher=Fetcher(), bucket=bucket, pool=WorkerPool(), max_document=1 << 20)
    async with files.prepare("document", MediaSource(object="uploads/b"), party="s"):
        pass


async def test_a_document_is_called_what_is_said_unless_its_bytes_contradict_it(here: Environment) -> None:
    for content, said, mimetype in ((PDF, "image/png", "application/pdf"), (b"BMI;a\n", "text/csv", "text/csv")):
        made, same = await here.prepare("document", content, mimetype=said)
        assert (made.mimetype, same) == (mimetype, content)


async def test_a_document_without_a_name_is_called_as_its_key_ends(here: Environment) -> None:
    here.shelf.files["uploads/a.csv"] = b"a,b\n"
    async with here.files.prepare("document", MediaSource(object="uploads/a.csv"), party="s") as made:
        assert made.mimetype == "text/csv"


async def test_a_still_sticker_that_is_too_large_is_made_smaller(here: Environment) -> None:
    made, content = await here.prepare("sticker", media.picture("WEBP", 900, 700))
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.size, made.animated, len(content) <= 100 * 1024) == ((512, 512), False, True)


async def test_the_spool_is_bounded_and_empties_itself(tmp_path: Path) -> None:
    here = Environment(tmp_path, spool_bytes=1 << 20)
    assert await here.refusal("document", bytes(2 << 20)) == ("media.too_large", "bytes")
    (here.spool.directory / "left").write_bytes(b"from an earlier life")
    (here.spool.directory / "7").mkdir()
    here.spool.open()
    assert list(here.spool.directory.iterdir()) == []
    assert here.spool.directory.stat().st_mode & 0o777 == 0o700
