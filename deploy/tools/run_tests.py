"""`make test`, after the checks: all tests in three calls of pytest, so that no test disturbs another.

Most tests wait for something most of the time, so several processes share two cores well. What ends or fills a service,
or measures the machine, is marked `alone` and comes last, one test at a time. All calls run, whatever the others say.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]

_WITH_SERVICES: Final = ("tests/integration", "tests/e2e", "tests/chaos")

CALLS: Final[Mapping[str, Sequence[str]]] = {
    "without services": ("-n2", "--cov", "--cov-report=term:skip-covered", "tests/unit", "tests/contract"),
    "with services": ("-n4", "--dist=worksteal", "-m", "not alone", *_WITH_SERVICES),
    "one at a time": ("-m", "alone", *_WITH_SERVICES),
}
"""The arguments of each call of pytest."""


def run(name: str, arguments: Sequence[str]) -> bool:
    """Run one call, its output shown as it comes, and say how long it took."""
    began = time.monotonic()
    print(f"Tests {name} ...", flush=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=_ROOT, check=False)
    print(f"  {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def main() -> None:
    """Exit code 1 if any of them failed. `ARGS`, if given, go to each call."""
    good = [run(name, (*arguments, *sys.argv[1:])) for name, arguments in CALLS.items()]
    if not all(good):
        sys.exit(f"{good.count(False)} of {len(good)} calls failed.")


if __name__ == "__main__":
    main()
