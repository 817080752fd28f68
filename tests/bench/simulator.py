"""The simulator alone, as a section of the report."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Section, Target
from tests.bench.simulator_load import LoadResult
from tests.bench.simulator_load import load as put_under_load

CONNECTIONS = 500
RATE = 500
_SECONDS = 20
_AS_ASKED = 0.98  # of the rate: what counts as keeping up


@dataclass(frozen=True, slots=True)
class SimulatorLoad:
    """What the load generator found."""

    result: LoadResult

    def section(self) -> Section:
        """A row of figures."""
        found = self.result
        table = Section(
            title="The simulator alone",
            columns=(
                "connections",
                "logins/s",
                "asked/s",
                "confirmed/s",
                "ack p50 ms",
                "ack p99 ms",
                "simulator cores",
                "refused",
            ),
        )
        table.rows.append(
            (
                str(found.connections),
                f"{found.logins_per_second:.0f}",
                str(RATE),
                f"{found.messages_per_second:.0f}",
                f"{found.ack.p50}",
                f"{found.ack.p99}",
                f"{found.simulator_cores:.2f}",
                str(found.refused),
            )
        )
        return table

    def target(self) -> Target:
        """500 connections, 500 messages a second, with receipts."""
        rate = self.result.messages_per_second
        return Target(
            name="simulator alone",
            wanted=f"{CONNECTIONS} connections, {RATE} messages/s with receipts",
            measured=f"{self.result.connections} connections, {rate:.0f}/s",
            reached=rate >= _AS_ASKED * RATE and self.result.unreadable == 0,
        )


async def load(directory: Path) -> SimulatorLoad:
    """Run the load."""
    return SimulatorLoad(await put_under_load(directory, connections=CONNECTIONS, rate=RATE, seconds=_SECONDS))
