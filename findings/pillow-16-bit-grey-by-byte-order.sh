#!/usr/bin/env bash
# Pillow 13.0.0: a 16-bit grey picture answers differently by the byte order of its file.
# Guess: I;16 and I;16B are one mode in two orders. Seen: getextrema() of I;16 answers, of I;16B (what a big-endian TIFF opens as) it raises
# ValueError 'image has wrong mode'; and convert('L') of either clips every value above 255 to white instead of scaling.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
from PIL import Image, __version__

def opened(mode: str) -> Image.Image:
    out = io.BytesIO()
    Image.new(mode, (4, 4), 40000).save(out, "TIFF")
    return Image.open(io.BytesIO(out.getvalue()))

little, big = opened("I;16"), opened("I;16B")
print(__version__, little.mode, little.getextrema(), big.mode, [one.convert("L").getpixel((0, 0)) for one in (little, big)])
assert (little.mode, big.mode) == ("I;16", "I;16B")
try:
    big.getextrema()
except ValueError as error:
    print("I;16B getextrema:", error)
else:
    raise SystemExit("it answers now")
assert little.convert("L").getpixel((0, 0)) == 255
PYTHON
