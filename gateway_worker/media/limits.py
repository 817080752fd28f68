"""How large what may be. Pure. WhatsApp's own limits where it has them."""

from typing import Final

_MIB: Final = 1024 * 1024

MAX_BYTES: Final = {
    "image": 16 * _MIB,
    "video": 64 * _MIB,
    "gif": 64 * _MIB,
    "audio": 64 * _MIB,
    "voice": 64 * _MIB,
    "profile_picture": 16 * _MIB,  # of the picture that it is made from; see MAX_PROFILE_PICTURE
    "sticker": 16 * _MIB,  # of the picture that it is made from; see MAX_STATIC_STICKER
    "document": 2048 * _MIB,
}
"""Bytes of the file that a command names, by kind."""

MAX_PROFILE_PICTURE: Final = 200 * 1024
PROFILE_SIDE: Final = 640
"""Pixels: a profile picture is a square of at most that side."""
MAX_STATIC_STICKER: Final = 100 * 1024
MAX_ANIMATED_STICKER: Final = 500 * 1024
MAX_STICKER_SECONDS: Final = 10
"""Of one that moves, where it has to be made."""
STICKER_SIDE: Final = 512
"""Pixels: a sticker is a square of that side."""

MAX_PIXELS: Final = 50_000_000
"""Width times height of a picture; of an animation, the frames of which are decoded one by one, see MAX_FRAMES."""
MAX_FRAMES: Final = 600
MOVING: Final = frozenset({"image/webp", "image/png", "image/avif"})
"""Pictures that may move, beside GIF."""
MAX_SIDE: Final = 16_384

CPU_SECONDS: Final = 60
"""For one file, of the processor's time: the process that works on it ends itself then."""

THUMBNAIL_SIDE: Final = 96
MAX_THUMBNAIL: Final = 10 * 1024

MAX_SECONDS: Final = 4 * 3600
"""Of a sound that is decoded (voice)."""

MAX_CONVERSION: Final = 50
"""Seconds of processor time that converting a video may take, as reckoned before; `processing` has its own limit."""
