#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8): a WAV file whose RIFF INFO names a title with an umlaut in the system's code page (RIFF INFO has no encoding of
# its own; recorders on Windows write cp1252) cannot be opened at all, though every sample of it is good.
# Guess: the title shows a wrong letter. Seen: av.open raises UnicodeDecodeError before any stream can be read;
# with metadata_errors='replace' all 40 frames decode.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import av

def wave() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        for number in range(40):
            frame = av.AudioFrame(format="s16", layout="mono", samples=1152)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate, frame.pts = 8000, number * 1152
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    title = "Jörg".encode("cp1252") + b"\0"
    info = b"INFO" + b"INAM" + len(title).to_bytes(4, "little") + title + b"\0"
    file = bytearray(out.getvalue() + b"LIST" + len(info).to_bytes(4, "little") + info)
    file[4:8] = (len(file) - 8).to_bytes(4, "little")
    return bytes(file)

file = wave()
try:
    av.open(io.BytesIO(file))
except UnicodeDecodeError as error:
    print(av.__version__, "av.open:", error)
else:
    raise SystemExit("it opens now")
with av.open(io.BytesIO(file), metadata_errors="replace") as container:
    samples = sum(frame.samples for frame in container.decode(audio=0))
    print("with metadata_errors='replace':", container.metadata, samples, "samples")
    assert samples == 40 * 1152
PYTHON
