#!/usr/bin/env bash
# PyAV 18.1.0: a sound shorter than the filter (some 20 samples upwards, some 130 from 48 to 8 kHz) goes into an AudioResampler and never comes out,
# not when it is flushed either.
# Guess: resample(frame) may hold some samples back, resample(None) gives them; 16 samples at 8 kHz become 96 at 48 kHz, as 300 become 1,800.
# Seen: 0 samples, without an error, for every change of rate; twice as many give (nearly) all of them. So a converted file of such a sound has
# no packet at all (PyAV does not even write its header), and "no frames" is no proof of an empty or broken source.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
from fractions import Fraction

import av

def after(samples: int, rate: int, wanted: int) -> int:
    frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler("s16", "mono", wanted)
    return sum(one.samples for one in [*resampler.resample(frame), *resampler.resample(None)])

seen = {(samples, rate, wanted): after(samples, rate, wanted) for samples in (16, 300) for rate, wanted in ((8000, 48000), (44100, 48000))}
for (samples, rate, wanted), got in seen.items():
    print(av.__version__, f"| {samples} samples, {rate} -> {wanted} Hz: {got}, expected {samples * wanted / rate:.0f}")
assert seen[300, 8000, 48000] == 1800, seen
assert seen[16, 8000, 48000] == seen[16, 44100, 48000] == 0, seen
PYTHON
