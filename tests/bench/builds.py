"""Another revision of this project as a tree that runs: taken out of git, set up by its own `make setup`, and kept."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.local.services import ROOT
from deploy.local.stage import Build

FOLDER: Final = ROOT / ".local" / "bench" / "builds"
_READY: Final = ".bench-ready"


class BuildError(Exception):
    """There is no such revision, or it cannot be set up; the message is for a person."""


def prepared(revision: str, say: Callable[[str], None]) -> Build:
    """The build of a revision: made by the first call (minutes), found by the next. Raises BuildError."""
    commit = resolved(revision)
    tree = FOLDER / commit
    if not (tree / _READY).exists():
        say(f"{revision} is {commit[:10]}: set up in {tree.relative_to(ROOT)}, once …")
        _take_out(commit, tree)
        _run(["make", "setup"], tree, "make setup")
        (tree / _READY).touch()
    build = Build(python=tree / ".venv" / "bin" / "python", tree=tree)
    compiled(build)
    return build


def resolved(revision: str) -> str:
    """The commit that a revision names. Raises BuildError."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise BuildError(f"git knows no revision {revision!r} here")
    return found.stdout.strip()


def compiled(build: Build) -> None:
    """Compile what its programs import, so that no start of one of two builds has to."""
    folders = [name for name in ("gateway_worker", "schemas", "consumers") if ((build.tree or ROOT) / name).is_dir()]
    _run([str(build.python), "-m", "compileall", "-q", *folders], build.tree or ROOT, "compiling")


def _take_out(commit: str, tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)  # of a set-up that was broken off
    tree.mkdir(parents=True)
    archive = tree.with_suffix(".tar")
    try:
        _run(["git", "archive", "--format=tar", f"--output={archive}", commit], ROOT, "git archive")
        _run(["tar", "-xf", str(archive), "-C", str(tree)], ROOT, "tar")
    finally:
        archive.unlink(missing_ok=True)


def _run(command: list[str], folder: Path, name: str) -> None:
    done = subprocess.run(command, cwd=folder, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{name} failed in {folder}:\n{done.stderr[-2_000:]}")
