"""S12: the simulator alone: it may never be what is measured."""

from typing import Final

from tests.bench.report import Figure, Findings, Section
from tests.bench.runs import ratio
from tests.bench.scene import Scene
from tests.bench.simulator_load import load

_PER_CORE: Final = 1_000


async def measured(scene: Scene) -> Findings:
    """Companions that really encrypt, at a steady rate; what one core of the simulator would do."""
    scale = scene.scale
    found = await load(
        scene.logs, connections=scale.connections, rate=scale.connection_rate, seconds=scale.connection_seconds
    )
    table = Section(
        title="The simulator alone",
        columns=("connections", "logins/s", "asked/s", "confirmed/s", "ack p50 ms", "ack p99 ms", "cores", "refused"),
    )
    table.rows.append(
        (
            str(found.connections),
            f"{found.logins_per_second:.0f}",
            str(scale.connection_rate),
            f"{found.messages_per_second:.0f}",
            f"{found.ack.p50}",
            f"{found.ack.p99}",
            f"{found.simulator_cores:.2f}",
            str(found.refused),
        )
    )
    per_core = ratio(found.messages_per_second, found.simulator_cores)
    return Findings(
        sections=[table],
        figures=[
            Figure(
                name=f"S12 simulator, messages/s with receipts per core, {found.connections} connections",
                measured=f"{per_core:.0f}",
                wanted=f"≥ {_PER_CORE}",
                reached=per_core >= _PER_CORE and found.unreadable == 0,
            )
        ],
    )
