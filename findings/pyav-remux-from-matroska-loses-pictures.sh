#!/usr/bin/env bash
# PyAV 18.1.0: the usual remux loop ('if packet.dts is None: continue', there to skip the flushing packets) loses pictures of Matroska.
# Guess: only the empty packets at the end have no dts. Seen: Matroska stores no decoding times, and the demuxer leaves dts out on packets
# whose place in time they cannot tell, the first key picture among them: of 75 pictures of H.264 with B-frames none can be shown from the MP4, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import av

def film() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "b-adapt": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(75):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 3 % 256]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()

def remuxed(source: bytes) -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(source)) as come, av.open(out, "w", format="mp4") as go:
        copy = go.add_stream_from_template(come.streams.video[0])
        for packet in come.demux(video=0):
            if packet.dts is None:
                continue
            packet.stream = copy
            go.mux(packet)
    return out.getvalue()

def pictures(file: bytes) -> int:
    with av.open(io.BytesIO(file)) as container:
        return sum(1 for _ in container.decode(video=0))

source = film()
before, after = pictures(source), pictures(remuxed(source))
with av.open(io.BytesIO(source)) as container:
    without = sum(1 for packet in container.demux(video=0) if packet.dts is None and packet.size)
print(av.__version__, f"| {before} pictures in Matroska, {without} packets of them without dts, {after} in the MP4")
assert before == 75
assert without > 0
assert after == 0
PYTHON
