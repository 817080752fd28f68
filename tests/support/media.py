"""Small files of every kind, made on the spot."""

import io
import math
import struct
import wave
from functools import cache
from typing import Any, Literal

import av
from PIL import Image

Picture = Literal["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]


@cache
def picture(form: Picture = "JPEG", width: int = 160, height: int = 120, *, mode: str = "RGB") -> bytes:
    """A picture with something on it."""
    drawn = Image.linear_gradient("L").resize((width, height)).convert(mode)
    held = io.BytesIO()
    drawn.save(held, form)
    return held.getvalue()


@cache
def turned_picture() -> bytes:
    """A JPEG of 160 x 120 that is to be shown upright, as 120 x 160."""
    held = io.BytesIO()
    drawn = Image.new("RGB", (160, 120), "green")
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn.save(held, "JPEG", exif=exif)
    return held.getvalue()


@cache
def animation(frames: int = 3, side: int = 512, form: Picture = "WEBP") -> bytes:
    """An animated picture."""
    drawn = [Image.new("RGB", (side, side), (number * 40 % 256, 90, 120)) for number in range(frames)]
    held = io.BytesIO()
    drawn[0].save(held, form, save_all=True, append_images=drawn[1:], duration=100)
    return held.getvalue()


@cache
def sound(seconds: int = 2) -> bytes:
    """A WAV file that grows louder."""
    rate = 16_000
    count = rate * seconds
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(20_000 * math.sin(i / 10) * i / count)) for i in range(count)))
    return held.getvalue()


@cache
def encoded_sound(codec: str, form: str, seconds: int = 2, rate: int = 48_000, artist: str = "") -> bytes:
    """The same, encoded: e.g. `libopus` in `ogg`, `libmp3lame` in `mp3`, `aac` in `mp4`."""
    held = io.BytesIO()
    with av.open(io.BytesIO(sound(seconds)), "r") as source, av.open(held, "w", format=form) as made:
        stream: Any = made.add_stream(codec, rate=rate, layout="mono")
        if artist:
            made.metadata["artist"] = artist
        size = stream.codec_context.frame_size
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=size or None)
        for frame in [*source.decode(audio=0), None]:
            for fitted in resampler.resample(frame):
                made.mux(stream.encode(fitted))
        made.mux(stream.encode(None))
    return held.getvalue()


@cache
def film(seconds: int = 1, form: str = "mp4", codec: str = "libx264", pixels: str = "yuv420p") -> bytes:
    """A silent video of 64 x 48."""
    held = io.BytesIO()
    with av.open(held, "w", format=form) as made:
        stream: Any = made.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for number in range(10 * seconds):
            drawn = Image.new("RGB", (64, 48), (number * 20 % 256, 100, 50))
            made.mux(stream.encode(av.VideoFrame.from_image(drawn)))
        made.mux(stream.encode(None))
    return held.getvalue()


def telephone(codec: str = "pcm_s16le", form: str = "wav", rate: int = 8_000) -> bytes:
    """What a telephone exchange records: one channel, 8 kHz mostly."""
    return encoded_sound(codec, form, rate=rate)


@cache
def recording(form: str, codec: str, voice: str | None, seconds: int = 1, pixels: str = "yuv420p") -> bytes:
    """A video of 64 x 48 with sound, as a phone or a browser makes it: e.g. `webm`, `libvpx`, `libopus`."""
    held = io.BytesIO()
    with av.open(held, "w", format=form) as made:
        film_stream: Any = made.add_stream(codec, rate=10)
        film_stream.width, film_stream.height, film_stream.pix_fmt = 64, 48, pixels
        voice_stream: Any = None if voice is None else made.add_stream(voice, rate=48_000, layout="mono")
        for number in range(10 * seconds):
            drawn = Image.new("RGB", (64, 48), (number * 20 % 256, 100, 50))
            made.mux(film_stream.encode(av.VideoFrame.from_image(drawn).reformat(format=pixels)))
        made.mux(film_stream.encode(None))
        if voice_stream is not None:
            size = voice_stream.codec_context.frame_size or None
            resampler = av.AudioResampler(format=voice_stream.format, layout="mono", rate=48_000, frame_size=size)
            with av.open(io.BytesIO(sound(seconds)), "r") as source:
                for frame in [*source.decode(audio=0), None]:
                    for fitted in resampler.resample(frame):
                        made.mux(voice_stream.encode(fitted))
            made.mux(voice_stream.encode(None))
    return held.getvalue()


@cache
def photo(form: str = "JPEG", orientation: int = 1, width: int = 160, height: int = 120) -> bytes:
    """A photo that says where it was taken, by whom, and how it was held; red at its left, blue at its right."""
    drawn = Image.new("RGB", (width, height), "blue")
    drawn.paste((255, 0, 0), (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = orientation, "Ann Example"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 22.0, 40.0)})
    held = io.BytesIO()
    more: dict[str, Any] = {"comment": b"my garden"} if form == "JPEG" else {}
    drawn.save(held, form, exif=exif, **more)
    return held.getvalue()


@cache
def located(form: str, *, as_apple: bool = True) -> bytes:
    """A silent video that says where and when it was taken, with what, and what it is called."""
    tags = {
        "location": "+52.5200+013.4050/",
        "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050/",
        "make": "Acme",
        "title": "My garden",
        "creation_time": "2026-01-02T03:04:05Z",
    }
    held = io.BytesIO()
    with av.open(held, "w", format=form, options={"movflags": "use_metadata_tags"} if as_apple else {}) as made:
        made.metadata.update(tags)
        stream: Any = made.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            made.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        made.mux(stream.encode(None))
    return held.getvalue()


def fragmented(film: bytes) -> bytes:
    """The same MP4 in fragments, each with its account of what lies where in front."""
    held = io.BytesIO()
    with (
        av.open(io.BytesIO(film), "r") as source,
        av.open(held, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}) as made,
    ):
        streams = {
            each.index: made.add_stream_from_template(each) for each in (*source.streams.video, *source.streams.audio)
        }
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    return held.getvalue()


@cache
def noisy_animation(frames: int) -> bytes:
    """An animated WebP that cannot be packed."""
    drawn = [Image.effect_noise((512, 512), 90 + number).convert("RGB") for number in range(frames)]
    held = io.BytesIO()
    drawn[0].save(held, "WEBP", save_all=True, append_images=drawn[1:], duration=100, quality=90)
    return held.getvalue()
