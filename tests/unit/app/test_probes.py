"""What each dependency's trouble looks like to a probe."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway_worker.app.probes import checks_of
from gateway_worker.operations.health import Health
from gateway_worker.store.errors import DatabaseFull, DatabaseReadOnly, StoreUnavailable


async def fine() -> None:
    pass


async def away() -> None:
    raise ConnectionError("amqp://user:hidden@host")


async def unanswered() -> None:
    raise StoreUnavailable("at host")


async def full() -> None:
    raise DatabaseFull


async def read_only() -> None:
    raise DatabaseReadOnly


def infrastructure(*, blocked: bool = False, up: bool = True, **asks: Any) -> Any:
    async def is_blocked() -> bool:
        return blocked

    def ask(name: str) -> Any:
        return asks.get(name, fine)

    return SimpleNamespace(
        store=SimpleNamespace(check=ask("postgresql")),
        consuming=SimpleNamespace(ask=ask("consuming")),
        publishing=SimpleNamespace(ask=fine, is_blocked=is_blocked),
        cache=SimpleNamespace(check=ask("redis")),
        buckets=SimpleNamespace(check=ask("s3")),
        engine=SimpleNamespace(describe=lambda: [SimpleNamespace(up=up), SimpleNamespace(up=False)]),
    )


@pytest.mark.parametrize(
    ("made", "noted", "health", "check", "why"),
    [
        (infrastructure(), (), Health.OK, None, None),
        (infrastructure(postgresql=unanswered), (), Health.DOWN, "postgresql", "StoreUnavailable"),
        (infrastructure(postgresql=full), (), Health.DOWN, "postgresql", "no connection left"),
        (infrastructure(postgresql=read_only), (), Health.DOWN, "postgresql", "takes no writes"),
        (infrastructure(consuming=away), (), Health.DOWN, "rabbitmq", "ConnectionError"),
        (infrastructure(blocked=True), (), Health.DEGRADED, "publishing", "an alarm of its memory or disk"),
        (infrastructure(), ("gateway.commands",), Health.DEGRADED, "topology", "declared again: gateway.commands"),
        (infrastructure(redis=away), (), Health.DEGRADED, "redis", "ConnectionError"),
        (infrastructure(s3=away), (), Health.DEGRADED, "s3", "ConnectionError"),
        (infrastructure(up=False), (), Health.DOWN, "bridges", "ConnectionError"),
    ],
)
async def test_whoever_asks_is_told_what_is_wrong_and_no_secret(
    made: Any, noted: Sequence[str], health: Health, check: str | None, why: str | None
) -> None:
    word, findings = await checks_of(made, cast("Any", SimpleNamespace(noted=noted))).health()
    assert word is health
    assert [name for name, finding in findings.items() if not finding.ok] == ([] if check is None else [check])
    assert why is None or why in (findings[check or ""].error or "")
    assert "hidden" not in str(findings)
