"""Files that nobody runs here (containers, dashboards, examples) must still speak of what exists."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.services import ROOT
from deploy.local.stage import Stage
from gateway_worker.console import metrics as console_metrics
from gateway_worker.console.metrics import ConsoleMetrics
from gateway_worker.operations.metrics import Readings, WorkerMetrics
from gateway_worker.settings.settings import Settings
from gateway_worker.webhooks.metrics import WebhookMetrics
from schemas.topology.channels import Topology

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
        "deploy/k8s/webhooks.yaml",
        "deploy/k8s/console.yaml",
        "deploy/operate/connections.md",
        "deploy/operate/debian.md",
        "deploy/operate/upgrades.md",
        "README.md",
        "deploy/backend.md",
        "deploy/operate/production.md",
    ],
)
def test_deployment_files_name_settings_that_exist(name: str) -> None:
    assert set(MENTIONS.findall((ROOT / name).read_text())) <= SETTINGS


def test_every_metric_of_the_dashboard_and_the_alerts_exists() -> None:
    metrics = WorkerMetrics()
    metrics.observe(
        Readings(
            sessions_by_state=dict[str, int],
            max_sessions=lambda: 50,
            sessions_unserved=lambda: 0,
            bridges=tuple,
            outbox_backlog=lambda: 0,
            snapshots_late_seconds=lambda: 0,
            lease_seconds=lambda: 20.0,
        ),
        version="0",
    )
    webhooks = WebhookMetrics()
    webhooks.observe([], version="0")
    console = ConsoleMetrics(
        console_metrics.Readings(
            is_away=lambda: False, streams=lambda: 0, sessions=lambda: 0, needing_a_person=lambda: 0
        ),
        version="0",
    )
    exposed = {family.name for each in (metrics, webhooks, console) for family in each.registry.collect()}
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
    for name in ("migrate", "worker", "webhooks", "console"):
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


UNITS = sorted((ROOT / "deploy/operate/systemd").glob("*.service"))
_MOST_EXPOSED = 20  # of 100, as systemd counts


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="apt-get install systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_what_systemd_takes_and_little_exposed(unit: Path, tmp_path: Path) -> None:
    installed = tmp_path / unit.name
    installed.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text()))
    for question in (["verify"], ["security", "--offline=yes", f"--threshold={_MOST_EXPOSED}"]):
        said = subprocess.run(
            ["systemd-analyze", *question, str(installed)], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stdout + said.stderr
        assert question != ["verify"] or not said.stderr, said.stderr


def test_units_run_commands_that_exist_and_are_not_started_again_when_misconfigured() -> None:
    commands = {
        re.search(r"(?m)^ExecStart=/opt/gateway-worker/bin/gateway-worker (\w+)$", unit.read_text()) for unit in UNITS
    }
    assert {found[1] for found in commands if found} == {"run", "webhooks", "console"}
    assert all("RestartPreventExitStatus=2\n" in unit.read_text() for unit in UNITS)


def test_kustomize_takes_every_manifest_and_its_image_is_ours() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for folder in (ROOT / "deploy/k8s", ROOT / "deploy/k8s/custom"):
        (base,) = documents(folder / "kustomization.yaml")
        files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert set(base["resources"]) == files
        for image in base.get("images", ()):
            assert (image["name"], image["newTag"]) == ("whatsapp-gateway-worker", version)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds it; the test above reads it")
def test_kustomize_builds_what_the_manifests_say() -> None:
    for folder in (ROOT / "deploy/k8s", ROOT / "deploy/k8s/custom"):
        built = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True)
        kinds = sorted((one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(built.stdout))
        written = [one for path in folder.glob("*.yaml") for one in documents(path) if one["kind"] != "Kustomization"]
        assert kinds == sorted((one["kind"], one["metadata"]["name"]) for one in written)


def manifests(kind: str) -> list[Any]:
    found = (one for path in (ROOT / "deploy/k8s").rglob("*.yaml") for one in documents(path))
    return [one for one in found if one["kind"] == kind]


def test_what_scales_watches_and_shuts_off_speaks_of_what_there_is() -> None:
    pods = {
        workload["metadata"]["name"]: workload["spec"]["template"]
        for kind in ("StatefulSet", "Deployment", "Job")
        for workload in manifests(kind)
    }
    components = {template["metadata"]["labels"]["app.kubernetes.io/component"] for template in pods.values()}
    assert components == {"worker", "webhooks", "console", "migrate"}
    (scaled,) = manifests("ScaledObject")
    assert scaled["spec"]["scaleTargetRef"]["name"] in pods
    queries = [each["metadata"].get("queueName") for each in scaled["spec"]["triggers"]]
    assert Topology("gateway").sessions_queue in queries
    (watched,) = manifests("PodMonitor")
    assert set(watched["spec"]["selector"]["matchExpressions"][0]["values"]) <= components
    listened = {
        port["containerPort"] for one in pods.values() for port in one["spec"]["containers"][0].get("ports", ())
    }
    let_in = {
        port["port"]
        for policy in manifests("NetworkPolicy")
        for rule in policy["spec"].get("ingress", ())
        for port in rule["ports"]
    }
    assert let_in == listened


def test_compose_runs_each_part_with_the_rights_of_its_own() -> None:
    (compose,) = documents(ROOT / "deploy/compose/compose.yaml")
    commands = {name: service["command"] for name, service in compose["services"].items() if "command" in service}
    assert {"webhooks", "console"} <= {words[0] for words in commands.values()}
    for name in ("webhooks", "console"):
        settings = compose["services"][name]["environment"]
        assert f"//{'gateway-backend' if name == 'webhooks' else 'gateway-console'}:" in settings["GATEWAY_AMQP_URL"]
        assert "GATEWAY_DATABASE_URL" not in settings
        assert "GATEWAY_ENCRYPTION_KEYS" not in settings


def test_the_dashboards_variable_filters_every_panel() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    unfiltered = [
        (expression, selector)
        for expression in asked
        for selector in re.findall(r"\b(?:gateway|process)_\w+(?:\{[^}]*\})?", expression)
        if 'job=~"$job"' not in selector
    ]
    assert unfiltered == []


def test_a_page_says_of_every_alert_what_it_means() -> None:
    rules = yaml.safe_load((ROOT / "deploy/grafana/alerts.yaml").read_text())["groups"][0]["rules"]
    explained = re.findall(r"(?m)^\| `(\w+)` \|", (ROOT / "deploy/grafana/alerts.md").read_text())
    assert explained == [rule["alert"] for rule in rules]
