"""The wheel that is tested here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tools.wheel import NPM

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("gateway_worker", "schemas", "consumers")


@pytest.fixture(scope="package")
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
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "-w", str(out))
    command = [sys.executable, "-m", "pip", "wheel", *options, str(copy)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built
