import asyncio

import pytest

from gateway_worker.operations.health import Check, Finding, Health, HealthChecks, answer, judge

WELL = Finding(ok=True, required=True, latency_ms=1)
NEEDED = Finding(ok=False, required=True, latency_ms=1, error="X")
SPARED = Finding(ok=False, required=False, latency_ms=1, error="X")


@pytest.mark.parametrize(
    ("findings", "draining", "health"),
    [
        ([], False, Health.OK),
        ([WELL], False, Health.OK),
        ([WELL, SPARED], False, Health.DEGRADED),
        ([WELL, SPARED, NEEDED], False, Health.DOWN),
        ([WELL], True, Health.DRAINING),
        ([NEEDED], True, Health.DRAINING),
    ],
)
def test_one_word_for_the_whole(findings: list[Finding], draining: bool, health: Health) -> None:  # noqa: FBT001 (a table)
    assert judge(findings, draining=draining) is health


async def test_concurrent_probes_share_one_round_of_questions() -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1

    now = 0.0
    checks = HealthChecks([Check(name="x", required=True, ask=ask)], monotonic=lambda: now)
    await asyncio.gather(*(checks.health() for _ in range(10)))
    assert asked == 1
    now = 1.5
    await checks.health()
    assert asked == 2


async def test_a_failing_check_tells_its_kind_but_not_its_text() -> None:
    async def ask() -> None:
        raise ConnectionRefusedError("amqp://guest:guest@10.0.0.1/")

    health, findings = await HealthChecks([Check(name="rabbitmq", required=True, ask=ask)]).health()

    assert health is Health.DOWN
    assert findings["rabbitmq"].error == "ConnectionRefusedError"


async def test_a_question_that_cannot_be_cancelled_holds_nobody_up() -> None:
    released = asyncio.Event()

    async def ask() -> None:
        try:
            await released.wait()
        except asyncio.CancelledError:
            await released.wait()

    with pytest.raises(TimeoutError):
        await answer(ask, 0.01)
    released.set()
