"""`make test`, after the checks: all tests in three calls of pytest, so that no test disturbs another.

Most tests wait for something most of the time, so several processes share two cores well. What ends or fills a service,
or measures, is marked `alone`: a process of its own runs it one test at a time, on services of its own, beside those
that leave theirs as they are. All calls run, whatever the others say.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

_ROOT: Final = Path(__file__).resolve().parents[2]

_SERVICES: Final = ("tests/integration", "tests/e2e", "tests/chaos")

WITHOUT_SERVICES: Final = ("-n2", "--cov", "--cov-report=term:skip-covered", "tests/unit", "tests/contract")
WITH_SERVICES: Final = ("-n4", "--dist=worksteal", "-m", "not alone", *_SERVICES)
ALONE: Final = ("-m", "alone", *_SERVICES)


def start(arguments: Sequence[str], out: IO[str] | None = None) -> subprocess.Popen[str]:
    """Start a call of pytest with these arguments and `ARGS`. What it prints is shown as it comes, or goes to `out`."""
    command = [sys.executable, "-m", "pytest", "-q", *arguments, *sys.argv[1:]]
    return subprocess.Popen(command, cwd=_ROOT, stdout=out, stderr=out, text=True)


def main() -> None:
    """Exit code 1 if any of them failed."""
    print("Tests without services ...", flush=True)
    codes = [start(WITHOUT_SERVICES).wait()]
    with tempfile.TemporaryFile("w+") as said, start(ALONE, said) as beside:
        print("Tests with services ...", flush=True)
        codes += [start(WITH_SERVICES).wait(), beside.wait()]
        said.seek(0)
        print(f"Tests one at a time, beside those ...\n{said.read()}", flush=True)
    if any(codes):
        sys.exit(f"{sum(map(bool, codes))} of {len(codes)} calls failed.")


if __name__ == "__main__":
    main()
