"""How the process of a worker ends, and how it begins anew."""

import os
import subprocess
import sys

_PROGRAM = """
import os, sys, time
from gateway_worker.app.leaving import begin_anew, end_process_soon
print(os.getpid(), *sys.argv[1:], os.environ["LIFE"], flush=True)
if os.environ["LIFE"] == "first":
    os.environ["LIFE"] = "second"
    end_process_soon(begin_anew)
    time.sleep(60)
"""
_ENDING = """
import atexit, sys
from gateway_worker.app.leaving import end_process
atexit.register(print, "the interpreter's own end")
sys.stdout.write("last words")
end_process(3)
"""


def test_a_process_begins_anew_as_itself_although_it_hangs() -> None:
    process = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "run", "--fast"],
        env={**os.environ, "LIFE": "first"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    first, second = process.stdout.splitlines()
    assert first.removesuffix("first") == second.removesuffix("second")
    assert first.endswith("run --fast first")


def test_a_worker_that_has_left_does_not_wait_for_the_interpreters_own_end() -> None:
    process = subprocess.run([sys.executable, "-c", _ENDING], capture_output=True, text=True, timeout=50, check=False)

    assert (process.returncode, process.stdout) == (3, "last words")
