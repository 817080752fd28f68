"""Our wheel, built once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.services import ROOT
from deploy.tools.wheel import NPM

PACKAGES = ("gateway_worker", "schemas", "consumers")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: nothing that an earlier build left behind is in it."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    npm = f"gateway_worker/{NPM}"
    shutil.copytree(ROOT / npm, copy / npm)
    (copy / "deploy/tools").mkdir(parents=True)
    tools = ("deploy/__init__.py", "deploy/tools/__init__.py", "deploy/tools/wheel.py")
    for name in ("pyproject.toml", "README.md", "LICENSE", *tools):
        shutil.copy(ROOT / name, copy / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(out), str(copy))
    (built,) = out.glob("*.whl")
    return built


def pip(*arguments: str) -> None:
    """Run it, apart from our own modules; its complaint is the failure."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
