#!/usr/bin/env bash
# Pillow 13.0.0: an animated WebP that it made of RGBA frames, clear but for a bar that moves, is read back as RGB, and what was clear is black.
# Guess: the mode is RGBA and the pixel is (0, 0, 0, 0), as with the same frames in a still WebP or an animated PNG.
# Seen: mode RGB, pixel (0, 0, 0). The encoder stores of each frame the opaque rectangle alone, so no frame has transparency of its own and the file
# does not announce any; the canvas beneath is clear for a browser, and black for Pillow. With the bit set in the header (byte 20, 0x10) it reads RGBA.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import PIL
from PIL import Image

def made(form: str, **more: object) -> bytes:
    drawn = [Image.new("RGBA", (65, 33), (0, 0, 0, 0)) for _ in range(3)]
    for number, each in enumerate(drawn):
        each.paste((255, 0, 0, 255), (number * 4, 0, number * 4 + 4, 33))
    held = io.BytesIO()
    drawn[0].save(held, form, **({"save_all": True, "append_images": drawn[1:], "duration": 250} if more.get("moving") else {}))
    return held.getvalue()

def seen(content: bytes) -> tuple[str, object]:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.mode, picture.getpixel((40, 10))

moving = made("WEBP", moving=True)
patched = bytearray(moving)
patched[20] |= 0x10
found = {"still WebP": seen(made("WEBP")), "moving PNG": seen(made("PNG", moving=True)), "moving WebP": seen(moving), "patched": seen(bytes(patched))}
for name, value in found.items():
    print(PIL.__version__, "|", name, value)
assert found["still WebP"] == found["moving PNG"] == found["patched"] == ("RGBA", (0, 0, 0, 0)), found
assert found["moving WebP"] == ("RGB", (0, 0, 0)), found
PYTHON
