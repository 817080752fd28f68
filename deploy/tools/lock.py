"""`make lock`: resolve the dependencies of pyproject.toml into two locks with hashes and without hosts."""

import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_OPTIONS: Final = (
    "--quiet",
    "--upgrade",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
)


def compile_lock(target: str, *options: str) -> None:
    """Write one lock."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *_OPTIONS, *options, "pyproject.toml", "-o", target]
    subprocess.run(command, cwd=_ROOT, check=True)


if __name__ == "__main__":
    compile_lock("requirements-dev.lock", "--extra=worker", "--extra=dev")
    compile_lock(
        "requirements.lock", "--extra=worker", "--constraint=requirements-dev.lock"
    )  # the same versions, fewer packages
