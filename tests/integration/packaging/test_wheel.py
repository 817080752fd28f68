"""The wheel, installed where nothing else of ours is: no checkout, no PYTHONPATH, an empty folder to work in."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.tools.wheel import VENDOR, VENDORED
from gateway_worker.whatsapp.baileys.process.installation import bridge_folder

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("gateway_worker", "schemas", "consumers")
NOT_PACKED = {"README.md", ".npmrc"}

IMPORT_ALL = """
import importlib, pkgutil, gateway_worker
apart = ("migrations", "__main__", "simulator.wire.gen")
def failed(name): raise SystemExit(f"{name} cannot be imported")
for found in pkgutil.walk_packages(gateway_worker.__path__, "gateway_worker.", failed):
    if not any(part in found.name for part in apart):
        importlib.import_module(found.name)
"""
BASE_ONLY = """
import sys
from gateway_worker.client import EventQueue, Gateway, Text
from gateway_worker.schemas.events.messages import MessageReceived
assert Text("hi").text == "hi"
heavy = {"asyncpg", "sqlalchemy", "aiohttp", "structlog", "redis", "typer", "av"}
assert not heavy & {name.partition(".")[0] for name in sys.modules}, heavy & set(sys.modules)
for name in heavy:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is there")
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, and an empty folder."""

    prefix: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.prefix / "bin" / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def python(self, code: str) -> None:
        done = self.run("python", "-c", code)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def worker(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With all that `[worker]` names, lent by the environment that tests run in."""
    return _environment(wheel, tmp_path_factory, [str(_site_packages())])


@pytest.fixture(scope="module")
def backend(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With what the bare installation names, and nothing else."""
    lent = tmp_path_factory.mktemp("lent")
    with zipfile.ZipFile(wheel) as held:
        (metadata,) = [name for name in held.namelist() if name.endswith(".dist-info/METADATA")]
        ours = PathDistribution(zipfile.Path(held, metadata.removesuffix("METADATA")))
        needed = _needed_by(ours, set())
    for name in needed:
        for entry in {file.parts[0] for file in distribution(name).files or () if file.parts[0] != ".."}:
            if (source := _site_packages() / entry).exists() and not (lent / entry).exists():
                (lent / entry).symlink_to(source)
    return _environment(wheel, tmp_path_factory, [str(lent)])


def test_it_holds_every_file_of_ours_and_stands_under_one_name(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in held} == {"gateway_worker"}
    missing = {name for name in _ours() if name not in held}
    assert not missing
    assert {f"gateway_worker/{VENDOR}/{Path(name).name}" for name in VENDORED} <= held


def test_a_worker_runs_from_an_empty_folder_beside_other_peoples_schemas(worker: Environment) -> None:
    for name in ("schemas", "consumers"):
        (worker.folder / f"{name}.py").write_text("raise SystemExit('somebody else lives here')")
    worker.python(IMPORT_ALL)
    assert "bridge" in worker.run("gateway-worker", "--help").stdout
    assert worker.run("gateway-worker", "asyncapi").stdout == (ROOT / "schemas/asyncapi.yaml").read_text()
    examined = worker.run("gateway-worker", "doctor")
    assert examined.returncode == 1
    worker.python("from gateway_worker.console.web.assets import load; assert b'htmx' in load()['htmx.js'].body")
    assert "gateway-worker bridge install" in examined.stdout + examined.stderr


def test_a_bridge_is_looked_for_where_it_is_installed(worker: Environment) -> None:
    packed = next((worker.prefix / "lib").glob("python*")) / "site-packages/gateway_worker/whatsapp/baileys/bridge"
    target = bridge_folder(packed, worker.prefix)
    (target / "node_modules" / "baileys").mkdir(parents=True)
    (target / "node_modules" / "baileys" / "package.json").write_text("{}")
    found = worker.run(
        "python", "-c", "from gateway_worker.whatsapp.baileys.process.process import BRIDGE; print(BRIDGE)"
    )
    assert found.stdout.strip() == str(target)
    assert worker.run("gateway-worker", "bridge", "install").stdout.endswith(f"{target}\n")


def test_a_backend_installs_the_client_and_nothing_heavy(backend: Environment) -> None:
    backend.python(BASE_ONLY)
    asked = backend.run("gateway-worker", "--help")
    assert asked.returncode == 1
    assert asked.stderr.count("\n") == 1
    assert "whatsapp-gateway-worker[worker]" in asked.stderr


def _environment(wheel: Path, folders: pytest.TempPathFactory, lent: Sequence[str]) -> Environment:
    prefix = folders.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    site = next((prefix / "lib").glob("python*")) / "site-packages"
    (site / "lent.pth").write_text("\n".join(lent))
    _pip("--python", str(prefix / "bin" / "python"), "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    return Environment(prefix, folders.mktemp("empty"))


def _pip(*arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _site_packages() -> Path:
    return Path(str(distribution("aio-pika").locate_file("")))


def _needed_by(package: Distribution, known: set[str]) -> set[str]:
    """The names of all that a package needs without extras, and of what that needs."""
    for text in package.requires or ():
        wanted = Requirement(text)
        if wanted.name in known or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            needed = distribution(wanted.name)
        except PackageNotFoundError:
            continue
        known.add(wanted.name)
        _needed_by(needed, known)
    return known


def _ours() -> Iterator[str]:
    """What the wheel must hold, as it is called there."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            inside = file.relative_to(ROOT)
            apart = {"node_modules", "__pycache__", "asyncapi-check", "lint"} & set(inside.parts)
            if file.is_file() and not apart and file.name not in NOT_PACKED:
                name = str(inside)
                yield name if package == "gateway_worker" else f"gateway_worker/{name}"
