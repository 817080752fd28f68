import io
import os
import subprocess
import sys

from rich.console import Console

from tests.bench.compare import table_of
from tests.bench.comparison import compared
from tests.bench.measure import Latency, read
from tests.bench.runs import Run


def a_run(rate: float, worker: float) -> Run:
    return Run(messages=1, rate=rate, latency=Latency(10.0, 20.0, 30.0), cpu={"worker": worker, "postgresql": 1.0})


def test_both_builds_stand_side_by_side_with_their_ratios() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(table_of(compared({"8": [a_run(100, 2.0)]}, {"8": [a_run(150, 1.0)]}), "main", "abc"))
    assert isinstance(console.file, io.StringIO)
    rows = [[cell.strip() for cell in line.split("│")] for line in console.file.getvalue().splitlines()]
    assert ["", "8", "per second", "100", "150", "1.50", ""] in rows
    assert ["", "", "CPU ms, worker", "2.00", "1.00", "0.50", ""] in rows
    assert ["", "", "CPU ms, all", "3.00", "2.00", "0.67", ""] in rows


def test_what_a_process_started_and_what_has_ended_stays_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert read({"someone": process.pid}).cpu["someone"] >= 0.1  # the kernel counts in ticks, as they fall
        process.kill()


def test_of_this_process_only_what_it_does_itself_counts() -> None:
    assert set(read({"backend": os.getpid()}).cpu) == {"backend"}
