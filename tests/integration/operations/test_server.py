from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from gateway_worker.operations.health import Check, HealthChecks
from gateway_worker.operations.server import HealthServer, Identity


class Dependency:
    well = True

    async def ask(self) -> None:
        if not self.well:
            raise ConnectionError


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def checks(dependency: Dependency) -> HealthChecks:
    ticks = iter(range(0, 10_000, 10))
    return HealthChecks([Check(name="postgresql", required=True, ask=dependency.ask)], monotonic=lambda: next(ticks))


@pytest.fixture
async def server(checks: HealthChecks) -> AsyncIterator[tuple[HealthServer, aiohttp.ClientSession]]:
    registry = CollectorRegistry()
    Counter("gateway_things", "Things.", registry=registry).inc()
    health = HealthServer(
        identity=Identity(worker_id="worker-001", version="0.1.0"),
        checks=checks,
        sessions_by_state=lambda: {"connected": 2},
        registry=registry,
    )
    port = await health.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        yield health, http
    await health.stop()


Server = tuple[HealthServer, aiohttp.ClientSession]


async def test_health_tells_everything_the_contract_names(server: Server) -> None:
    _, http = server
    async with http.get("/health") as response:
        body = await response.json()

    assert response.status == 200
    assert body["status"] == "ok"
    assert (body["workerId"], body["version"]) == ("worker-001", "0.1.0")
    assert body["sessions"] == {"connected": 2}
    assert body["checks"]["postgresql"]["status"] == "ok"
    assert body["checks"]["postgresql"]["latencyMs"] >= 0
    assert set(body["resources"]) == {"cpu", "memory", "disk"}
    assert body["uptimeSeconds"] >= 0


async def test_ready_only_when_started_and_well(server: Server, dependency: Dependency, checks: HealthChecks) -> None:
    health, http = server

    async def status(path: str) -> int:
        async with http.get(path) as response:
            return response.status

    assert await status("/readyz") == 503
    health.ready = True
    assert await status("/readyz") == 200
    dependency.well = False
    assert (await status("/readyz"), await status("/health"), await status("/livez")) == (503, 503, 200)
    dependency.well = True
    checks.draining = True
    assert (await status("/readyz"), await status("/health"), await status("/livez")) == (503, 503, 200)


async def test_metrics_are_prometheus_text_and_nothing_can_be_written(server: Server) -> None:
    _, http = server
    async with http.get("/metrics") as response:
        assert "gateway_things_total 1.0" in await response.text()
        assert response.content_type == "text/plain"
    async with http.post("/health") as response:
        assert response.status == 405
