"""S13: large documents, out and in: the memory that they take, and how fast they go."""

import asyncio
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.bench.gateway import Bench
from tests.bench.measure import MIB
from tests.bench.report import Figure, Findings, Section, at_least
from tests.bench.runs import ratio
from tests.bench.scene import Scene
from tests.bench.sections.peaks import LOOK, Peaks
from tests.bench.sections.site import site

_LIMIT: Final = 40.0  # MiB above before, any process
_SPEED: Final = 0.8
_PATIENCE: Final = 600.0
_PIECE: Final = 256 * 1024


async def measured(scene: Scene) -> Findings:
    """Documents from a web server to another session of the same worker: sent, then stored in the bucket."""
    size, count = scene.scale.document, scene.scale.documents
    own = {
        "GATEWAY_MEDIA_ALLOW_PRIVATE": "true",
        "GATEWAY_MEDIA_SPOOL_MB": str(max(768, 4 * size // MIB)),
    }
    copied = await asyncio.to_thread(_copied, size)
    async with scene.bench(own=own, largest_mb=size // MIB + 1) as bench, site(size) as address:
        await bench.pair(["alice", "bob"])
        for phone in bench.people.values():  # one that is online fetches and decrypts it, in the simulator's one loop
            await bench.phones.offline(phone)
        scene.say(f"{count} documents of {size // MIB} MiB …")
        async with Peaks.watched(bench.worker.child.pid) as peaks:
            times = [await _document(bench, f"{address}/{number}") for number in range(count)]
    above = peaks.above()
    speeds = {
        what: count * size / MIB / sum(each) for what, each in zip(("out", "in"), zip(*times, strict=True), strict=True)
    }
    mebibytes = size // MIB
    table = Section(title=f"{count} documents of {mebibytes} MiB", columns=("what", "figure"))
    table.rows += [(f"{name}, MiB above before, at most", f"{extra:.0f}") for name, extra in above.items()]
    table.rows += [(f"{what}, MiB/s", f"{speed:.0f}") for what, speed in speeds.items()]
    table.rows.append(("copied in one process with sha256 and AES, MiB/s", f"{copied:.0f}"))
    table.notes.append(
        f"From one session to another of the same worker: out until `sent`, in from there until it is in the bucket. "
        f"Memory: looked at every {LOOK * 1000:.0f} ms. Phones are offline, so that none of them fetches it."
    )
    return Findings(
        sections=[table],
        figures=[
            *(
                Figure(
                    name=f"S13 memory of {mebibytes} MiB, {name}",
                    measured=f"{extra:.0f} MiB",
                    wanted=f"≤ {_LIMIT:g} MiB",
                    reached=extra <= _LIMIT,
                )
                for name, extra in above.items()
            ),
            *(
                at_least(f"S13 {what} ÷ copying", f"{speed:.0f} MiB/s", ratio(speed, copied), _SPEED)
                for what, speed in speeds.items()
            ),
        ],
    )


async def _document(bench: Bench, url: str) -> tuple[float, float]:
    """Seconds until it was sent, and from there until the other session's worker has it in the bucket."""
    probe = bench.probe
    probe.stored.clear()
    data = {"to": bench.people["bob"].number, "content": {"kind": "document", "media": {"url": url}}}
    command_id = await probe.publish("message.send.v1", "alice", data)
    await probe.until(lambda: command_id in probe.sent or probe.failed, "a document to be sent", _PATIENCE)
    if probe.failed:
        raise RuntimeError("a document failed")
    await probe.until(lambda: probe.stored, "a document to be stored", _PATIENCE)
    sent = probe.sent[command_id]
    return sent - probe.published[command_id], max(0.001, max(probe.stored.values()) - sent)


def _copied(size: int) -> float:
    """MiB/s of reading a file, hashing it, encrypting it, hashing that, and writing it: what a client has to do."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        with source.open("wb") as file:
            for _ in range(size // _PIECE):
                file.write(os.urandom(_PIECE))
        began = time.monotonic()
        plain, sealed = hashlib.sha256(), hashlib.sha256()
        encryptor = Cipher(algorithms.AES256(os.urandom(32)), modes.CBC(os.urandom(16))).encryptor()
        with source.open("rb") as file, (Path(folder) / "copy").open("wb") as copy:
            while piece := file.read(_PIECE):
                plain.update(piece)
                encrypted = encryptor.update(piece)
                sealed.update(encrypted)
                copy.write(encrypted)
        return size / MIB / (time.monotonic() - began)
