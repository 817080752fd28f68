"""Whether texts to others wait for a file that comes, or goes, slowly."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from tests.bench import measure
from tests.bench.gateway import PATIENCE, Bench
from tests.bench.report import Figure, Findings, Section, below
from tests.bench.scene import Scene
from tests.bench.sections.site import site
from tests.support.whatsapp.phones import Phone

_SIZE: Final = 64 * measure.MIB
_LOOK: Final = 0.02
_RATE: Final = 20
_LIMIT: Final = 10.0


async def measured(scene: Scene) -> Findings:
    """Texts to one person while a document for another is fetched, and while WhatsApp's media host takes one in.

    Another session, which has nothing else to do, writes at the same time: whatever else slows this machine down slows
    both. Documents come slowly: one that comes fast keeps the simulator busy, whose phones decrypt it where WhatsApp
    would answer.
    """
    seconds = scene.scale.paced_seconds
    async with scene.bench(own={"GATEWAY_MEDIA_ALLOW_PRIVATE": "true"}) as bench:
        await bench.pair(["alice", "bob", "carol", "dave"])
        texts_to, files_to = bench.people["bob"], bench.people["carol"]
        async with site(_SIZE, seconds + 2) as address:
            fetched = await _during(bench, texts_to, seconds, await _send(bench, files_to, f"{address}/slow"))
        async with site(_SIZE) as address:
            await bench.phones.fault("media_slow", bench.people["alice"], after=seconds + 5, count=1)
            document = await _send(bench, files_to, f"{address}/quick")
            await _begun(bench)
            uploaded = await _during(bench, texts_to, seconds, document)
    section = Section(title="Texts behind a slow file to another chat", columns=("", "p50 ms", "p99 ms", "worst ms"))
    for what, (behind, alone) in (("is fetched slowly", fetched), ("WhatsApp's media host takes slowly", uploaded)):
        for name, each in ((f"behind a document that {what}", behind), ("meanwhile, from another session", alone)):
            section.rows.append((name, f"{each.p50}", f"{each.p99}", f"{each.worst}"))
    figures = [_not_delayed("fetch", *fetched), _not_delayed("upload", *uploaded)]
    return Findings(sections=[section], figures=figures)


def _not_delayed(what: str, behind: measure.Latency, alone: measure.Latency) -> Figure:
    return below(f"p50 of texts behind a slow {what}, above others'", behind.p50 - alone.p50, _LIMIT, "ms")


async def _send(bench: Bench, to: Phone, url: str) -> str:
    data = {"to": to.number, "content": {"kind": "document", "media": {"url": url}}}
    return await bench.probe.publish("message.send.v1", "alice", data)


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
    probe = bench.probe
    texts: dict[str, list[str]] = {"alice": [], "dave": []}
    async for number in _ticks(int(_RATE * seconds)):
        sender = ("alice", "dave")[number % 2]
        texts[sender].append(await bench.send(sender, to, number))
    sent = [each for ids in texts.values() for each in ids]
    await probe.until(lambda: all(each in probe.sent for each in sent), "all texts to be sent")
    if document in probe.sent:
        raise RuntimeError("the document was faster than the texts: nothing was measured")
    await probe.until(lambda: document in probe.sent or probe.failed, "a document to be sent")
    if probe.failed:
        raise RuntimeError("a document failed")
    behind, alone = ([probe.sent[each] - probe.published[each] for each in ids] for ids in texts.values())
    return measure.percentiles(behind), measure.percentiles(alone)


async def _ticks(count: int) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / _RATE - loop.time()))
        yield number
