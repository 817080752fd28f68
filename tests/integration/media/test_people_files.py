"""The files that people really have: each goes out as what WhatsApp's clients show and play, by the real processes."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import av
import pillow_heif
import pytest
from PIL import Image, ImageStat

from gateway_worker.media.fetching import Fetcher
from gateway_worker.media.prepared import PreparedFile
from gateway_worker.media.preparing import Preparation
from gateway_worker.media.spool import Spool
from gateway_worker.media.worker_pool import WorkerPool
from schemas.content.outgoing_media import MediaSource
from schemas.errors import MediaError
from tests.support import media
from tests.support.services.shelf import Shelf

# A file is made in the test that wants it, not while the tests are collected.
Made = Callable[[], bytes]

VOICE = "audio/ogg; codecs=opus"


class Environment:
    """A preparation and the bucket that it takes files from."""

    def __init__(self, folder: Path, **pool: Any) -> None:
        spool = Spool(folder / "spool", 128 << 20)
        spool.open()
        self.shelf = Shelf()
        self.files = Preparation(
            spool=spool, fetcher=Fetcher(), bucket=self.shelf, pool=WorkerPool(**pool), max_document=32 << 20
        )

    async def prepare(self, kind: str, content: bytes, name: str = "a", **more: str) -> tuple[PreparedFile, bytes]:
        """The prepared file and its bytes."""
        self.shelf.files[f"uploads/{name}"] = content
        async with self.files.prepare(kind, MediaSource(object=f"uploads/{name}", **more), party="s") as made:
            return made, made.path.read_bytes()

    async def refusal(self, kind: str, content: bytes) -> tuple[str, dict[str, Any]]:
        """Code and detail."""
        with pytest.raises(MediaError) as caught:
            await self.prepare(kind, content)
        return caught.value.code, dict(caught.value.detail or {})


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def _tagged(content: bytes) -> bytes:
    return b"ID3\x04\0\0\0\0\x28\0" + bytes(0x28 << 7) + content


def _damaged(content: bytes) -> bytes:
    """With a hole in the middle, the last packet cut, and something behind it."""
    middle = len(content) // 2
    return content[:middle] + b"\x55" * 40 + content[middle + 40 : -5] + b"TAG behind it" * 9


def _titled(flac: bytes) -> bytes:
    """With a comment (RFC 9639, section 8.6) whose text is not in UTF-8."""
    text = b"TITLE=J\xf6rg"
    comment = struct.pack("<I", 0) + struct.pack("<I", 1) + struct.pack("<I", len(text)) + text
    end = 4 + 4 + 34  # of the marker and the first block
    return b"fLaC\0" + flac[5:end] + b"\x84" + len(comment).to_bytes(3) + comment + flac[_audio_at(flac) :]


def _audio_at(flac: bytes) -> int:
    at, is_last = 4, False
    while not is_last:
        is_last = flac[at] >= 0x80
        at += 4 + int.from_bytes(flac[at + 1 : at + 4])
    return at


HEARD: dict[str, tuple[Made, str]] = {
    "telephone": (media.telephone, "a.wav"),
    "a-law": (lambda: media.telephone("pcm_alaw"), "a.wav"),
    "mu-law": (lambda: media.telephone("pcm_mulaw"), "a.wav"),
    "adpcm": (lambda: media.telephone("adpcm_ima_wav"), "a.wav"),
    "adpcm of Microsoft": (lambda: media.telephone("adpcm_ms"), "a.wav"),
    "mu-law without a header": (lambda: media.telephone("pcm_mulaw", "mulaw"), "a.ulaw"),
    "a-law of Sun": (lambda: media.telephone("pcm_alaw", "au"), "a.au"),
    "G.722": (lambda: media.telephone("g722", "g722", rate=16_000), "a.g722"),
    "aiff": (lambda: media.telephone("pcm_s16be", "aiff"), "a.aif"),
    "mp3, damaged": (lambda: _damaged(media.encoded_sound("libmp3lame", "mp3")), "a.mp3"),
    "aac, damaged": (lambda: _damaged(media.encoded_sound("aac", "adts")), "a.aac"),
    "flac, damaged": (lambda: _damaged(media.encoded_sound("flac", "flac")), "a.flac"),
    "flac behind ID3": (lambda: _tagged(media.encoded_sound("flac", "flac")), "a.flac"),
    "aac behind ID3": (lambda: _tagged(media.encoded_sound("aac", "adts")), "a.aac"),
    "m4a with bytes behind": (lambda: media.encoded_sound("aac", "mp4") + b"LYRICS200" * 5, "a.m4a"),
    "flac with a title in another encoding": (lambda: _titled(media.encoded_sound("flac", "flac")), "a.flac"),
    "ogg with bytes behind": (lambda: media.encoded_sound("libopus", "ogg") + b"TAG" + bytes(125), "a.ogg"),
}


@pytest.mark.parametrize("name", HEARD)
async def test_a_sound_becomes_a_voice_message(here: Environment, name: str) -> None:
    make, file_name = HEARD[name]
    made, voice = await here.prepare("voice", make(), file_name)
    assert (made.mimetype, made.seconds) == (VOICE, 2)
    with av.open(io.BytesIO(voice), "r") as heard:
        stream = heard.streams.audio[0]
        assert (stream.codec_context.codec.canonical_name, stream.codec_context.channels) == ("opus", 1)
        heard_seconds = sum(frame.samples for frame in heard.decode(audio=0)) / 48_000
        assert heard_seconds == pytest.approx(2, abs=0.3)


async def test_a_sound_file_stays_as_it_is_though_something_stands_around_it(here: Environment) -> None:
    for content, mimetype in (
        (HEARD["flac behind ID3"][0](), "audio/flac"),
        (HEARD["aac behind ID3"][0](), "audio/aac"),
        (HEARD["m4a with bytes behind"][0](), "audio/mp4"),
    ):
        made, same = await here.prepare("audio", content)
        assert (made.mimetype, same) == (mimetype, content)


async def test_a_voice_message_says_nothing_but_what_is_heard(here: Environment) -> None:
    content = media.encoded_sound("libopus", "ogg", artist="Ann Example")
    made, voice = await here.prepare("voice", content)
    assert (made.mimetype, made.seconds, b"Ann Example" in content, b"Ann Example" in voice) == (VOICE, 2, True, False)
    assert b"Ann Example" in (await here.prepare("audio", content))[1], "a sound file keeps its title"
    plain = media.encoded_sound("libopus", "ogg")
    assert (await here.prepare("voice", plain))[1] == plain


async def test_how_long_a_sound_lasts_is_counted_where_nothing_says_it(here: Environment) -> None:
    frames = media.encoded_sound("aac", "adts", 1) + media.encoded_sound("aac", "adts", 9)
    made, _ = await here.prepare("audio", frames)
    assert made.seconds == 10


SOUNDS: dict[str, tuple[Made, str, str]] = {
    "a browser's WebM": (lambda: media.encoded_sound("libopus", "webm"), VOICE, "opus"),
    "a browser's MP4": (lambda: media.encoded_sound("libopus", "mp4"), VOICE, "opus"),
    "lossless of Apple": (lambda: media.encoded_sound("alac", "mp4"), "audio/mp4", "aac"),
    "aiff": (lambda: media.telephone("pcm_s16be", "aiff"), "audio/mp4", "aac"),
    "Windows Media": (lambda: media.encoded_sound("libmp3lame", "asf"), "audio/mpeg", "mp3"),
    "adpcm": (lambda: media.telephone("adpcm_ms"), "audio/mp4", "aac"),
    "mov": (lambda: media.encoded_sound("aac", "mov"), "audio/mp4", "aac"),
    "3gp": (lambda: media.encoded_sound("aac", "3gp"), "audio/3gpp", "aac"),
    "a-law": (lambda: media.telephone("pcm_alaw"), "audio/wav", "pcm_alaw"),
}


@pytest.mark.parametrize("name", SOUNDS)
async def test_a_sound_file_becomes_one_that_phones_play(here: Environment, name: str) -> None:
    make, mimetype, codec = SOUNDS[name]
    made, sound = await here.prepare("audio", make())
    assert (made.mimetype, made.seconds) == (mimetype, 2)
    with av.open(io.BytesIO(sound), "r") as heard:
        assert heard.streams.audio[0].codec_context.codec.canonical_name == codec
        heard_seconds = sum(frame.samples / frame.sample_rate for frame in heard.decode(audio=0))
        assert heard_seconds == pytest.approx(2, abs=0.3)


CUT: dict[str, tuple[str, Made]] = {
    "wav": ("audio", media.sound),
    "ogg": ("audio", lambda: media.encoded_sound("libopus", "ogg")),
    "voice": ("voice", lambda: media.encoded_sound("libopus", "ogg")),
    "m4a": ("audio", lambda: media.fragmented(media.encoded_sound("aac", "mp4"))),
    "film": ("video", lambda: media.fragmented(media.film(2))),
}


async def test_a_flac_that_is_cut_off_lasts_as_long_as_what_there_is_of_it(here: Environment) -> None:
    content = media.encoded_sound("flac", "flac", seconds=8)
    made, sent = await here.prepare("audio", content[: len(content) // 4])
    assert made.seconds is not None
    assert (made.mimetype, 1 <= made.seconds < 6) == ("audio/flac", True), made.seconds
    assert sent == content[: len(content) // 4]


def _only_heads(codec: bytes) -> bytes:
    """An Ogg of one page (RFC 3533): the first of a stream, and nothing behind it."""
    return b"OggS\0\x02" + bytes(8) + b"\1\0\0\0" + bytes(8) + b"\1" + bytes([80]) + codec.ljust(80, b"\0")


@pytest.mark.parametrize(
    ("kind", "begin", "codec"), [("voice", b"Speex   1.2", "speex"), ("video", b"\x80theora\3\2\1", "theora")]
)
async def test_an_ogg_that_cannot_be_read_is_refused_with_the_codec_that_it_names(
    here: Environment, kind: str, begin: bytes, codec: str
) -> None:
    code, detail = await here.refusal(kind, _only_heads(begin))
    assert (code, detail["codec"]) == ("media.unsupported", codec), detail


@pytest.mark.parametrize("name", CUT)
async def test_what_is_cut_off_goes_as_far_as_players_play_it(here: Environment, name: str) -> None:
    kind, make = CUT[name]
    whole = make()
    made, sent = await here.prepare(kind, whole[: int(len(whole) * (0.85 if kind == "video" else 0.6))])
    with av.open(io.BytesIO(sent), "r") as played:
        lasts = (played.duration or 0) / av.time_base
        assert all(packet.size > 0 for packet in played.demux() if packet.dts is not None)
    assert made.seconds == max(1, round(lasts))
    assert 0.5 < lasts < 1.8


FILMS: dict[str, tuple[Made, bool]] = {
    "mov": (lambda: media.recording("mov", "libx264", "aac"), True),
    "mov with sound as it was recorded": (lambda: media.recording("mov", "libx264", "pcm_s16le"), True),
    "webm": (lambda: media.recording("webm", "libvpx", "libopus"), True),
    "webm with VP9": (lambda: media.recording("webm", "libvpx-vp9", None), True),
    "mkv with pictures in another order": (lambda: media.recording("matroska", "libx264", "libopus"), True),
    "mp4 with Opus": (lambda: media.recording("mp4", "libx264", "libopus"), True),
    "mp4 with MP3": (lambda: media.recording("mp4", "libx264", "libmp3lame"), False),
    "avi of a camera": (lambda: media.recording("avi", "mjpeg", "pcm_s16le", pixels="yuvj420p"), True),
    "avi with MPEG-4": (lambda: media.recording("avi", "mpeg4", "libmp3lame"), True),
    "transport stream": (lambda: media.recording("mpegts", "libx264", "aac"), True),
    "Flash": (lambda: media.recording("flv", "libx264", "aac"), True),
    "Windows Media": (lambda: media.recording("asf", "wmv2", "libmp3lame"), True),
    "mov of single pictures": (lambda: media.recording("mov", "mjpeg", None, pixels="yuvj420p"), True),
    "mp4 with bytes behind": (lambda: media.film() + b"\0\1nothing" * 9, False),
}


@pytest.mark.parametrize("name", FILMS)
async def test_a_video_becomes_what_whatsapp_plays(here: Environment, name: str) -> None:
    make, is_converted = FILMS[name]
    content = make()
    made, film = await here.prepare("video", content)
    assert (made.mimetype, made.width, made.height, made.seconds) == ("video/mp4", 64, 48, 1)
    assert (film != content) is is_converted
    with av.open(io.BytesIO(film), "r") as played:
        codecs = {each.codec_context.codec.canonical_name for each in played.streams}
        assert codecs <= {"h264", "aac", "mp3"}
        assert sum(1 for _ in played.decode(video=0)) == 10


async def test_a_gif_becomes_a_video_on_white_and_only_where_one_is_wanted(here: Environment) -> None:
    clear = [Image.new("RGBA", (33, 21), (0, 0, 0, 0)) for _ in range(3)]
    for number, each in enumerate(clear):
        each.paste((255, 0, 0, 255), (number * 4, 0, number * 4 + 4, 21))
    held = io.BytesIO()
    clear[0].save(held, "GIF", save_all=True, append_images=clear[1:], duration=200, disposal=2, comment=b"mine")
    made, film = await here.prepare("gif", held.getvalue())
    assert (made.mimetype, made.seconds, b"mine" in film) == ("video/mp4", 1, False)
    with av.open(io.BytesIO(film), "r") as played:
        shown: list[Any] = [frame.to_image() for frame in played.decode(video=0)]
    assert (len(shown), min(shown[0].getpixel((30, 10))) > 240) == (3, True)
    assert (await here.refusal("video", held.getvalue()))[0] == "media.unsupported"


async def test_a_video_that_would_take_too_long_is_refused_with_what_it_is(here: Environment) -> None:
    held = io.BytesIO()
    with av.open(held, "w", format="webm") as made:
        stream: Any = made.add_stream("libvpx", rate=30, options={"deadline": "realtime", "cpu-used": "16"})
        stream.width, stream.height, stream.pix_fmt = 4096, 2160, "yuv420p"
        drawn = cast("Any", av.VideoFrame.from_image(Image.new("RGB", (4096, 2160))))
        still = drawn.reformat(format="yuv420p")
        first: Any = [*stream.encode(still), *stream.encode(None)][0]
        for number in range(2_000):
            packet = av.Packet(bytes(first))
            packet.pts = packet.dts = number * 33
            packet.time_base, packet.stream = first.time_base, stream
            made.mux(packet)
    code, detail = await here.refusal("video", held.getvalue())
    assert (code, detail["reason"], detail["codec"], detail["width"]) == ("media.too_large", "work", "vp8", 4096)
    assert (detail["frames"], detail["limit"]) == (2_000, 50)


async def test_what_cannot_be_converted_is_refused_with_its_codec(here: Environment) -> None:
    code, detail = await here.refusal("video", media.recording("matroska", "ffv1", None))
    assert (code, detail["reason"], detail["codec"], detail["type"]) == (
        *("media.unsupported", "codec", "ffv1", "video/x-matroska"),
    )


def _heic() -> bytes:
    held = io.BytesIO()
    drawn = Image.open(io.BytesIO(media.photo()))
    pillow_heif.from_pillow(drawn).save(held, exif=drawn.info["exif"])
    return held.getvalue()


@pytest.mark.parametrize("name", ["heic", "avif"])
async def test_a_phones_photo_becomes_a_jpeg(here: Environment, name: str) -> None:
    made, jpeg = await here.prepare("image", _heic() if name == "heic" else media.photo("AVIF"))
    assert (made.mimetype, made.width, made.height) == ("image/jpeg", 160, 120), name
    with Image.open(io.BytesIO(jpeg)) as shown:
        left: Any = shown.convert("RGB").getpixel((20, 60))
        assert (left[0] > 200, left[2] < 60, dict(shown.getexif())) == (True, True, {})


PRIVATE = (b"Exif", b"Ann Example", b"my garden")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 6])
async def test_where_a_photo_was_taken_is_not_sent_and_it_stands_upright(
    here: Environment, form: str, orientation: int
) -> None:
    content = media.photo(form, orientation)
    made, sent = await here.prepare("image", content)
    assert not any(word in sent for word in PRIVATE)
    with Image.open(io.BytesIO(sent)) as shown:
        assert (shown.size, dict(shown.getexif())) == ((made.width, made.height), {})
        assert shown.size == ((160, 120) if orientation == 1 else (120, 160))
        top: Any = shown.convert("RGB").getpixel((10, 10))
        bottom: Any = shown.convert("RGB").getpixel((10, shown.height - 10))
        assert (top[0] > 200, bottom[0] > 200) == (True, orientation == 1)


async def test_an_upright_photo_keeps_every_bit_of_its_picture(here: Environment) -> None:
    content = media.photo()
    _, sent = await here.prepare("image", content)
    scan = content[content.index(b"\xff\xda") :]
    assert (sent.endswith(scan), len(sent) < len(content)) == (True, True)
    plain = media.picture("JPEG")
    assert (await here.prepare("image", plain))[1] == plain


async def test_a_sticker_keeps_the_name_of_its_pack_and_not_where_it_was_taken(here: Environment) -> None:
    private = media.photo("WEBP")
    made, sent = await here.prepare("sticker", private)
    assert (any(word in sent for word in PRIVATE), made.width, len(sent) < len(private)) == (False, 160, True)
    with Image.open(io.BytesIO(sent)) as shown:
        assert (shown.size, dict(shown.getexif())) == ((160, 120), {})
    held, exif = io.BytesIO(), Image.Exif()
    exif[0x5741] = b'{"sticker-pack-id":"a"}'
    Image.new("RGB", (64, 64)).save(held, "WEBP", exif=exif)
    assert (await here.prepare("sticker", held.getvalue()))[1] == held.getvalue()


async def test_where_a_film_was_taken_is_not_sent(here: Environment) -> None:
    content = media.located("mp4")
    made, sent = await here.prepare("video", content)
    assert (len(sent), b"+52.52" in content, b"+52.52" in sent) == (len(content), True, False)
    assert (made.mimetype, made.seconds) == ("video/mp4", 1)


async def test_a_setting_keeps_what_a_photo_or_a_film_says(tmp_path: Path) -> None:
    here = Environment(tmp_path, keep_metadata=True)
    film = media.located("mp4")
    assert (await here.prepare("video", film))[1] == film
    content = media.photo(orientation=6)
    made, sent = await here.prepare("image", content)
    assert (sent, made.width, made.height) == (content, 120, 160)


@pytest.mark.parametrize(("width", "height"), [(402, 401), (401, 402), (64, 64)])
@pytest.mark.parametrize("turned", [1, 6])
async def test_a_pictures_size_is_told_as_it_is(here: Environment, width: int, height: int, turned: int) -> None:
    made, _ = await here.prepare("image", media.photo("JPEG", turned, width * 10, height * 10))
    assert (made.width, made.height) == ((width * 10, height * 10) if turned == 1 else (height * 10, width * 10))


def _deep(form: str, mode: str, brightest: float) -> bytes:
    """A gradient from black to white in more than 8 bits."""
    ramp = Image.linear_gradient("L").convert("F" if mode == "F" else "I").point(lambda value: value * brightest / 255)
    held = io.BytesIO()
    (ramp if mode in {"I", "F"} else ramp.convert(mode)).save(held, form)
    return held.getvalue()


DEEP: dict[str, Made] = {
    "16 bits, TIFF": lambda: _deep("TIFF", "I;16", 65_535),
    "16 bits, PNG": lambda: _deep("PNG", "I;16", 65_535),
    "32 bits, TIFF": lambda: _deep("TIFF", "I", 2**31 - 512),
    "reals of 0 to 1": lambda: _deep("TIFF", "F", 1.0),
    "reals of 0 to 255": lambda: _deep("TIFF", "F", 255.0),
}


@pytest.mark.parametrize("name", DEEP)
async def test_a_deep_picture_is_scaled_to_what_screens_show(here: Environment, name: str) -> None:
    made, jpeg = await here.prepare("image", DEEP[name]())
    with Image.open(io.BytesIO(jpeg)) as shown:
        statistics = ImageStat.Stat(shown.convert("L"))
    assert made.mimetype == "image/jpeg"
    assert statistics.mean[0] == pytest.approx(127.5, abs=3)
    assert statistics.extrema[0][0] < 8
    assert statistics.extrema[0][1] > 247


async def test_colours_of_printers_and_transparency_are_shown(here: Environment) -> None:
    for mode, form, background in (("CMYK", "JPEG", (255, 0, 0)), ("LA", "TIFF", (255, 255, 255))):
        held = io.BytesIO()
        drawn = (
            Image.new("RGB", (40, 40), "red").convert("CMYK") if mode == "CMYK" else Image.new("LA", (40, 40), (0, 0))
        )
        drawn.save(held, form)
        _, jpeg = await here.prepare("image", held.getvalue())
        with Image.open(io.BytesIO(jpeg)) as shown:
            found: Any = shown.convert("RGB").getpixel((20, 20))
            assert shown.mode == "RGB"
            assert max(abs(one - other) for one, other in zip(found, background, strict=True)) < 30
