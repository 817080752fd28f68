"""S4: many senders at once against one, with as many messages under way."""

from typing import Final

from tests.bench import gateway
from tests.bench.report import Findings, Section, at_least, at_most
from tests.bench.runs import OURS, Run, median, ratio, turns
from tests.bench.scene import Scene

_THROUGHPUT: Final = 1.3
_P99: Final = 2.0


async def measured(scene: Scene) -> Findings:
    """Each sender writes to a phone of its own; as many messages are under way as there are senders."""
    scale, count = scene.scale, scene.scale.senders
    names = [f"s{number}" for number in range(count)]
    async with scene.bench() as bench:
        scene.say(f"pairing {count} senders …")
        await bench.pair(names)
        many = [(name, await bench.phones.give("Pal")) for name in names]
        for name, friend in many:
            await bench.greet(name, friend)
        one = many[:1]
        runs: dict[int, list[Run]] = {1: [], count: []}
        for routes in turns((one, many), scale.rounds):
            runs[len(routes)].append(await gateway.throughput(bench, routes, scale.messages[32], count))
    single, all_of_them = median(runs[1]), median(runs[count])
    table = Section(
        title=f"{count} senders against one, {count} messages under way",
        columns=("senders", "messages/s", "p50 ms", "p99 ms", "our CPU ms per message"),
    )
    for senders, run in ((1, single), (count, all_of_them)):
        latency = run.latency
        table.rows.append((str(senders), f"{run.rate}", f"{latency.p50}", f"{latency.p99}", f"{run.cpu_of(*OURS):.2f}"))
    speed, slow = ratio(all_of_them.rate, single.rate), ratio(all_of_them.latency.p99, single.latency.p99)
    return Findings(
        sections=[table],
        figures=[
            at_least(f"S4 throughput, {count} senders ÷ one", f"{all_of_them.rate}/s", speed, _THROUGHPUT),
            at_most(f"S4 p99, {count} senders ÷ one", f"{all_of_them.latency.p99} ms", slow, _P99),
        ],
    )
