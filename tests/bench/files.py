"""Files through the gateway: what a large one costs in memory, and whether texts to others wait for a slow one."""

import asyncio
import base64
import io
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil
from aiohttp import web

from tests.bench import measure
from tests.bench.gateway import PATIENCE, Bench
from tests.bench.report import Section, Target
from tests.support.services.s3 import s3_client
from tests.support.whatsapp.phones import Phone

SIZE: Final = 64 * measure.MIB
_PIECE: Final = bytes(range(256)) * 1024
_LOOK: Final = 0.02
_RATE: Final = 20


@asynccontextmanager
async def _site(seconds: float) -> AsyncGenerator[str]:
    """A web server that takes so long to give out a document of `SIZE`."""

    async def give(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        pieces = SIZE // len(_PIECE)
        for number in range(pieces):
            await answer.write(_PIECE if number else b"%PDF-1.7" + request.path_qs.encode().ljust(64) + _PIECE[72:])
            if seconds:
                await asyncio.sleep(seconds / pieces)
        await answer.write_eof()
        return answer

    app = web.Application()
    app.router.add_get("/{name}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class _Peaks:
    """Most resident bytes of each process of a worker, above what it had at the beginning."""

    pid: int
    before: dict[int, int] = field(default_factory=dict[int, int])
    most: dict[int, int] = field(default_factory=dict[int, int])
    names: dict[int, str] = field(default_factory=dict[int, str])

    def look(self) -> None:
        root = psutil.Process(self.pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                resident, is_bridge = process.memory_info().rss, process.exe().endswith("/node")
            except psutil.NoSuchProcess:
                continue
            self.before.setdefault(process.pid, resident)
            self.most[process.pid] = max(self.most.get(process.pid, 0), resident)
            self.names[process.pid] = "bridge" if is_bridge else "worker"

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(_LOOK)

    def above(self) -> dict[str, float]:
        """MiB by role; of bridges the one that grew most."""
        found: dict[str, float] = {}
        for pid, most in self.most.items():
            name = self.names[pid]
            found[name] = max(found.get(name, 0.0), (most - self.before[pid]) / measure.MIB)
        return found


async def _send(bench: Bench, to: Phone, url: str) -> str:
    data = {"to": to.number, "content": {"kind": "document", "media": {"url": url}}}
    return await bench.probe.publish("message.send.v1", "alice", data)


async def _sent(bench: Bench, command_id: str) -> None:
    await bench.probe.until(lambda: command_id in bench.probe.sent or bench.probe.failed, "a document to be sent")
    if bench.probe.failed:
        raise RuntimeError("a document failed")


async def memory(bench: Bench, to: Phone, documents: int) -> tuple[Section, list[Target]]:
    """Documents of 64 MiB, one after the other."""
    async with _site(0) as site:
        await bench.send("alice", to, 0)
        await bench.probe.until(lambda: len(bench.probe.sent) > 0, "a first text")
        peaks = _Peaks(bench.worker.child.pid)
        watching = asyncio.create_task(peaks.watch())
        for number in range(documents):
            await _sent(bench, await _send(bench, to, f"{site}/{number}"))
        watching.cancel()
    above = peaks.above()
    section = Section(title="A document of 64 MiB", columns=("process", "MiB above before, at most"))
    section.rows += [(name, f"{extra:.0f}") for name, extra in sorted(above.items())]
    section.notes.append(f"{documents} in a row, looked at every {_LOOK * 1000:.0f} ms.")
    return section, [
        Target(name=f"64 MiB through the {name}", wanted="< 64 MiB", measured=f"{extra:.0f} MiB", reached=extra < 64)
        for name, extra in sorted(above.items())
    ]


async def behind_a_file(bench: Bench, texts_to: Phone, files_to: Phone, seconds: float) -> tuple[Section, list[Target]]:
    """Texts to one person while a document for another is fetched, and while WhatsApp's media host takes one in.

    Another session, which has nothing else to do, writes at the same time: whatever else slows this machine down slows
    both. Documents come slowly: one that comes fast keeps the simulator busy, whose phones decrypt it where WhatsApp
    would answer.
    """
    async with _site(seconds + 2) as site:
        fetched = await _during(bench, texts_to, seconds, await _send(bench, files_to, f"{site}/slow"))
    async with _site(0) as site:
        await bench.phones.fault("media_slow", bench.people["alice"], after=seconds + 5, count=1)
        document = await _send(bench, files_to, f"{site}/quick")
        await _begun(bench)
        uploaded = await _during(bench, texts_to, seconds, document)
    section = Section(title="Texts behind a slow file to another chat", columns=("", "p50 ms", "p99 ms", "worst ms"))
    for what, (behind, alone) in (("is fetched slowly", fetched), ("WhatsApp's media host takes slowly", uploaded)):
        for name, each in ((f"behind a document that {what}", behind), ("meanwhile, from another session", alone)):
            section.rows.append((name, f"{each.p50}", f"{each.p99}", f"{each.worst}"))
    return section, [
        _not_delayed("p50 of texts behind a slow fetch", *fetched),
        _not_delayed("p50 of texts behind a slow upload", *uploaded),
    ]


def _not_delayed(name: str, behind: measure.Latency, alone: measure.Latency) -> Target:
    more = behind.p50 - alone.p50
    return Target(name=name, wanted="≤ +10 ms", measured=f"{more:+.1f} ms", reached=more <= 10)


async def _begun(bench: Bench) -> None:
    """The media host has begun to take the document in: the one fault that there is has struck, and is gone."""
    async with asyncio.timeout(PATIENCE):
        while await _faults(bench):  # noqa: ASYNC110 (a list over HTTP)
            await asyncio.sleep(_LOOK)


async def _faults(bench: Bench) -> list[object]:
    async with bench.phones.http.get("/faults") as answer:
        return await answer.json()


async def _during(bench: Bench, to: Phone, seconds: float, document: str) -> tuple[measure.Latency, measure.Latency]:
    """Texts of `alice`, whose document is on its way all the time, and of `dave`, in turn."""
    texts: dict[str, list[str]] = {"alice": [], "dave": []}
    async for number in _ticks(int(_RATE * seconds)):
        sender = ("alice", "dave")[number % 2]
        texts[sender].append(await bench.send(sender, to, number))
    sent = [each for ids in texts.values() for each in ids]
    await bench.probe.until(lambda: all(each in bench.probe.sent for each in sent), "all texts to be sent")
    if document in bench.probe.sent:
        raise RuntimeError("the document was faster than the texts: nothing was measured")
    await _sent(bench, document)
    behind, alone = ([bench.probe.sent[each] - bench.probe.published[each] for each in ids] for ids in texts.values())
    return measure.percentiles(behind), measure.percentiles(alone)


async def _ticks(count: int) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / _RATE - loop.time()))
        yield number


async def receiving(bench: Bench, sender: Phone, to: Phone, documents: int) -> tuple[Section, list[Target]]:
    """Documents of 64 MiB that come in for the session `alice`, one after the other, until each is in the bucket."""
    peaks = _Peaks(bench.worker.child.pid)
    peaks.look()
    watching = asyncio.create_task(peaks.watch())
    for number in range(documents):
        media = {"base64": base64.b64encode(os.urandom(SIZE)).decode()}
        body = json.dumps({"to": to.number, "content": {"kind": "document", "media": media}}).encode()
        async with bench.phones.http.post(f"/phones/{sender.number}/send", data=io.BytesIO(body)) as answer:
            answer.raise_for_status()
        async with asyncio.timeout(PATIENCE):
            while await _stored(bench, "alice") <= number:  # noqa: ASYNC110 (S3 tells nobody)
                await asyncio.sleep(0.1)
    watching.cancel()
    above = peaks.above()
    section = Section(title="A document of 64 MiB that comes in", columns=("process", "MiB above before, at most"))
    section.rows += [(name, f"{extra:.0f}") for name, extra in sorted(above.items())]
    section.notes.append(f"{documents} in a row, looked at every {_LOOK * 1000:.0f} ms.")
    return section, [
        Target(name=f"64 MiB into the {name}", wanted="< 64 MiB", measured=f"{extra:.0f} MiB", reached=extra < 64)
        for name, extra in sorted(above.items())
    ]


async def _stored(bench: Bench, session_id: str) -> int:
    """How many received files of a session the bucket has."""
    async with s3_client(bench.services) as client, client.calling() as driver:
        found = driver.list_objects("whatsapp-media", prefix=f"{session_id}/received/", recursive=True)
        return len([each async for each in found])
