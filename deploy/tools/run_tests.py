"""`make test`: the checks, and all tests in three calls of pytest, so that no test disturbs another.

Two cores are what it is arranged for: none of them is ever idle. A check keeps one busy, and so does a test without
services: the checks run one at a time beside the tests. Most tests with services wait for something most of the time,
so several processes share two cores well; whole files go to each, the long ones first. What ends or fills a service, or
measures, is marked `alone`: a process of its own runs it one test at a time, on services of its own, beside all others,
and mostly waits for a service to be back. All calls run, whatever the others say; what runs beside others is shown when
it ends.
"""

import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_ROOT: Final = Path(__file__).resolve().parents[2]

_SERVICES: Final = ("tests/e2e", "tests/integration/whatsapp", "tests/integration", "tests/chaos")  # as long as that

CHECKS: Final = ("deploy.tools.check", "--at-once=1")
WITHOUT_SERVICES: Final = ("-n2", "--cov", "--cov-report=term:skip-covered", "tests/unit", "tests/contract")
WITH_SERVICES: Final = ("-n6", "--dist=loadfile", "--no-loadscope-reorder", "-m", "not alone and not long", *_SERVICES)
ALONE: Final = ("-m", "alone", *_SERVICES)


def start(module: str, *arguments: str, out: IO[str] | None = None) -> subprocess.Popen[str]:
    """Start one of Python's modules as a program. What it prints is shown as it comes, or goes to `out`."""
    return subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=_ROOT, stdout=out, stderr=out, text=True)


def tests(*arguments: str) -> Sequence[str]:
    """A call of pytest with these arguments and `ARGS`."""
    return ("pytest", "-q", *arguments, *sys.argv[1:])


@contextmanager
def beside(title: str, call: Sequence[str], codes: list[int]) -> Generator[None]:
    """Run a call beside what the block does, and show what it printed as soon as it has ended."""
    with ThreadPoolExecutor(1) as waiting:
        ended = waiting.submit(_to_its_end, title, call)
        yield
        codes.append(ended.result())


def _to_its_end(title: str, call: Sequence[str]) -> int:
    with tempfile.TemporaryFile("w+") as said, start(*call, out=said) as running:
        code = running.wait()
        said.seek(0)
        print(f"\n{title} ...\n{said.read()}", flush=True)
        return code


def main() -> None:
    """Exit code 1 if any of them failed."""
    codes: list[int] = []
    one_at_a_time = beside("Tests one at a time, beside those", tests(*ALONE), codes)
    with one_at_a_time, beside("The checks, beside those", CHECKS, codes):
        for title, arguments in (("Tests without services", WITHOUT_SERVICES), ("Tests with services", WITH_SERVICES)):
            print(f"{title} ...", flush=True)
            codes.append(start(*tests(*arguments)).wait())
    if any(codes):
        sys.exit(f"{sum(map(bool, codes))} of {len(codes)} calls failed.")


if __name__ == "__main__":
    main()
