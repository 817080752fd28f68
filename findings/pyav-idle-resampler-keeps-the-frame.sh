#!/usr/bin/env bash
# PyAV 18.1.0: a decoded frame that went through one AudioResampler cannot go through another one.
# Guess: resample(frame) leaves its argument alone, so that one decoded frame can feed two resamplers (a preview and the file).
# Seen with 8 kHz mono 16-bit WAV (what telephone systems write): where the first resampler has nothing to do (same rate, format and
# number of channels) the second raises ArgumentError EINVAL; the other way round both give sound.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import av

out = io.BytesIO()
with av.open(out, "w", format="wav") as container:
    stream = container.add_stream("pcm_s16le", rate=8000)
    stream.layout = "mono"
    frame = av.AudioFrame(format="s16", layout="mono", samples=4000)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate, frame.pts = 8000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))

def decoded():
    with av.open(io.BytesIO(out.getvalue())) as container:
        return next(container.decode(audio=0))

def fed(*rates: int) -> list[str]:
    frame, seen = decoded(), []
    for rate in rates:
        try:
            seen.append(f"{rate}: {sum(one.samples for one in av.AudioResampler('s16', 'mono', rate).resample(frame))} samples")
        except av.error.ArgumentError as error:
            seen.append(f"{rate}: {type(error).__name__}")
    return seen

busy, idle = fed(48000, 8000), fed(8000, 48000)
print(av.__version__, "| 48000 first:", busy, "| 8000 first:", idle)
assert not any("Error" in one for one in busy), busy
assert idle[1] == "48000: ArgumentError", idle
PYTHON
