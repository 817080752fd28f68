#!/usr/bin/env bash
# neonize 0.5.2 (whatsmeow for Python): what scales "while maintaining the aspect ratio" makes a square of every picture that is wider than high.
# Guess: a picture of 1600 x 400 becomes 512 x 128, as one of 400 x 1600 becomes 128 x 512. Seen: of wide pictures the width is divided by its own scale where the height was meant, and
# width / (width / 512) is 512 for any of them: sticker_scaler() answers 512 x 512, and people on it are four times as tall. Needs libmagic (Debian's libmagic1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check neonize==0.5.2
"$folder/venv/bin/python" - <<'PYTHON'
from neonize.utils.calc import sticker_scaler
from PIL import Image

seen = {size: sticker_scaler(Image.new("RGB", size)).size for size in ((400, 1600), (1600, 400), (640, 480))}
print(seen)
assert seen == {(400, 1600): (128, 512), (1600, 400): (512, 512), (640, 480): (512, 512)}
assert "maintaining the aspect ratio" in sticker_scaler.__doc__
PYTHON
