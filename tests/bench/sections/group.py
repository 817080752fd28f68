"""S9: texts to a large group, late ones against early ones: the sender key must not make them dearer."""

import statistics
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

import asyncpg

from tests.bench.gateway import Bench, per_each
from tests.bench.report import Findings, Section, at_most
from tests.bench.runs import OURS, ratio
from tests.bench.scene import Scene

_EARLY: Final = 5
"""Messages before the early ones: the first reaches people whose keys nobody has yet."""
_EACH: Final = 10
_LIMIT: Final = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Some:
    """Of `_EACH` messages one after the other: medians of milliseconds and of bytes written; our CPU for each."""

    milliseconds: float
    written: float
    cpu: float


async def measured(scene: Scene) -> Findings:
    """One sender, one text after the other, each `sent` before the next."""
    members, messages = scene.scale.group_members, scene.scale.group_messages
    async with scene.bench() as bench, _database(bench) as database:
        await bench.pair(["alice"])
        people = [await bench.phones.give(f"Member {number}") for number in range(members - 1)]
        group_id = await bench.phones.make_group(bench.people["alice"], "Many", *people)
        scene.say(f"{messages} texts to {members} members …")
        await _write(bench, group_id, _EARLY)
        early = await _some(bench, group_id, database)
        await _write(bench, group_id, messages - 2 * _EACH - _EARLY)
        late = await _some(bench, group_id, database)
    table = Section(
        title=f"A group of {members}",
        columns=("message", "`sent` p50 ms", "bytes written to PostgreSQL, median", "our CPU ms per message"),
    )
    for number, some in ((_EARLY + _EACH // 2, early), (messages, late)):
        table.rows.append((f"{number}th", f"{some.milliseconds:.1f}", f"{some.written:.0f}", f"{some.cpu:.1f}"))
    table.notes.append(f"{_EACH} messages around each; bytes of WAL from one `sent` to the next, receipts included.")
    return Findings(
        sections=[table],
        figures=[
            at_most(
                f"S9 time of a group message, the {messages}th ÷ the 10th",
                f"{late.milliseconds:.1f} ms",
                ratio(late.milliseconds, early.milliseconds),
                _LIMIT,
            ),
            at_most(
                f"S9 bytes written, the {messages}th ÷ the 10th",
                f"{late.written / 1024:.1f} KiB",
                ratio(late.written, early.written),
                _LIMIT,
            ),
        ],
    )


async def _write(bench: Bench, group_id: str, count: int) -> None:
    for _ in range(count):
        await _text(bench, group_id)


async def _text(bench: Bench, group_id: str) -> float:
    """Milliseconds until it was `sent`."""
    probe = bench.probe
    data = {"to": group_id, "content": {"kind": "text", "text": "to all of you"}}
    command_id = await probe.publish("message.send.v1", "alice", data)
    await probe.until(lambda: command_id in probe.sent or probe.failed, "a group's text to be sent")
    if probe.failed:
        raise RuntimeError("a text to the group failed")
    return 1000 * (probe.sent[command_id] - probe.published[command_id])


async def _some(bench: Bench, group_id: str, database: Any) -> _Some:
    times: list[float] = []
    places = [await _place(database)]
    before = bench.usage()
    for _ in range(_EACH):
        times.append(await _text(bench, group_id))
        places.append(await _place(database))
    cpu = per_each(bench.usage(), before, _EACH)
    written = [after - earlier for earlier, after in pairwise(places)]
    return _Some(
        milliseconds=statistics.median(times),
        written=statistics.median(written),
        cpu=sum(cpu.get(role, 0.0) for role in OURS),
    )


@asynccontextmanager
async def _database(bench: Bench) -> AsyncGenerator[Any]:
    connection = cast("Any", await asyncpg.connect(bench.stage.settings["GATEWAY_DATABASE_URL"]))
    try:
        yield connection
    finally:
        await connection.close()


async def _place(database: Any) -> int:
    """How many bytes PostgreSQL has written to its WAL so far."""
    return int(await database.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
