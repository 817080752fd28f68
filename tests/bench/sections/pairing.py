"""S10: the CPU of pairing, beside bare Baileys'. Against the build before: ``make bench-compare``."""

from tests.bench import bare, gateway
from tests.bench.report import Figure, Findings, Section
from tests.bench.runs import OURS, ratio
from tests.bench.scene import Scene


async def measured(scene: Scene) -> Findings:
    """Sessions created and paired by QR until they are connected, four at a time."""
    count = scene.scale.pairings
    async with scene.bench() as bench, bare.companion(bench) as baileys:
        await bench.pair(["first"])
        scene.say(f"pairing {count} sessions …")
        ours = await gateway.pairing(bench, [f"s{number}" for number in range(count)])
        node = await baileys.pair([await bench.phones.give("Bare") for _ in range(count)])
    whole = ours.cpu_of(*OURS)
    table = Section(title="Pairing", columns=("who", "CPU ms each", "by process"))
    roles = ", ".join(f"{role} {used:.0f}" for role, used in ours.cpu.items())
    table.rows += [("gateway", f"{whole:.0f}", roles), ("bare Baileys", f"{node:.0f}", "node")]
    table.notes.append(f"{count} sessions, {ours.rate:.1f} a second, four at a time.")
    words = f"{whole:.0f} ms, bare {node:.0f} ms"
    return Findings(
        sections=[table], figures=[Figure(name="S10 CPU of a pairing ÷ bare", measured=words, ratio=ratio(whole, node))]
    )
