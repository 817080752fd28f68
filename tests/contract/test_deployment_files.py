"""Files that nobody runs here (containers, dashboards, examples) must still speak of what exists."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.services import ROOT
from deploy.local.stage import Stage
from gateway_worker.operations.metrics import Readings, WorkerMetrics
from gateway_worker.settings.settings import Settings
from gateway_worker.webhooks.metrics import WebhookMetrics

SETTINGS = {f"GATEWAY_{name.upper()}" for name in Settings.model_fields}
MENTIONS = re.compile(r"\bGATEWAY_[A-Z0-9_]+\b")


def documents(path: Path) -> Iterator[Any]:
    yield from yaml.safe_load_all(path.read_text())


def test_the_example_names_every_setting_and_no_other() -> None:
    assert set(MENTIONS.findall((ROOT / ".env.example").read_text())) == SETTINGS


def test_the_example_is_valid_once_its_secrets_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(re.sub(r"(?m)^(GATEWAY_ENCRYPTION_KEYS=).*$", r"\1" + "A" * 43 + "=", example))
    filled = Settings(_env_file=tmp_path / ".env")  # pyright: ignore[reportCallIssue] -- pydantic-settings' own argument
    defaults = Settings(_env_file=None)  # pyright: ignore[reportCallIssue] -- likewise
    assert filled.model_copy(update={"encryption_keys": ()}) == defaults


@pytest.mark.parametrize(
    "name",
    [
        "deploy/Dockerfile",
        "deploy/compose/compose.yaml",
        "deploy/k8s/worker.yaml",
        "README.md",
        "deploy/backend.md",
        "deploy/production.md",
    ],
)
def test_deployment_files_name_settings_that_exist(name: str) -> None:
    assert set(MENTIONS.findall((ROOT / name).read_text())) <= SETTINGS


def test_every_metric_of_the_dashboard_and_the_alerts_exists() -> None:
    metrics = WorkerMetrics()
    metrics.observe(
        Readings(
            sessions_by_state=dict[str, int],
            bridges=tuple,
            outbox_backlog=lambda: 0,
            snapshots_late_seconds=lambda: 0,
            lease_seconds=lambda: 20.0,
        ),
        version="0",
    )
    webhooks = WebhookMetrics()
    webhooks.observe([], version="0")
    exposed = {family.name for each in (metrics, webhooks) for family in each.registry.collect()}
    dashboard = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for document in documents(ROOT / "deploy/grafana/alerts.yaml"):
        expressions += [rule["expr"] for group in document["groups"] for rule in group["rules"]]
    used = {name for text in expressions for name in re.findall(r"\b(?:gateway|process)_\w+", text)}
    assert used
    assert {re.sub(r"_(total|bucket)$", "", name) for name in used} <= exposed


def test_containers_are_probed_where_the_health_server_answers() -> None:
    (worker,) = [one for one in documents(ROOT / "deploy/k8s/worker.yaml") if one["kind"] == "StatefulSet"]
    container = worker["spec"]["template"]["spec"]["containers"][0]
    paths = {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"/livez", "/readyz"}
    assert container["ports"][0]["containerPort"] == Settings.model_fields["http_port"].default


def test_the_image_is_tagged_with_our_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name in ("migrate", "worker"):
        assert f"image: whatsapp-gateway-worker:{version}\n" in (ROOT / f"deploy/k8s/{name}.yaml").read_text()


def test_the_locks_name_no_host_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pinned = re.findall(r"(?m)^[a-z0-9].*==.*$", text)
        assert pinned
        assert all(line.endswith("\\") for line in pinned)


def test_npm_locks_name_no_host() -> None:
    for folder in ("gateway_worker/whatsapp/baileys/bridge", "gateway_worker/console/static", "schemas/asyncapi-check"):
        packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        assert all("resolved" not in package for package in packages.values())
        assert all("integrity" in package for path, package in packages.items() if path)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci/run").read_text().splitlines()[-1]
    assert command == "make test"
    assert command in (ROOT / "README.md").read_text()


def logs_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.log"))


async def test_a_stage_does_not_find_what_the_one_before_it_logged(tmp_path: Path) -> None:
    (tmp_path / "worker-001-2.log").write_text('{"event": "worker.ready", "http_port": 1}\n')
    async with Stage(tmp_path, {}):
        assert logs_in(tmp_path) == []
