"""Programs that are forked are what they would be if they had been executed, and end with who started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.program import Child, Program
from deploy.local.services import ROOT
from deploy.local.stage import Stage
from tests.support.services.forked import forked

STARTER = """
import asyncio, sys
from pathlib import Path
from deploy.local.stage import Stage
from tests.support.services.forked import forked

async def main():
    async with Stage(Path(sys.argv[1]), {}, forked) as stage:
        print((await stage.start_simulator()).child.pid, flush=True)
        await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def ours(folder: Path, name: str, *arguments: str) -> Program:
    return Program(
        name=name,
        arguments=(sys.executable, "-m", "gateway_worker", *arguments),
        folder=folder,
        log=folder / f"{name}.log",
        environment={"PYTHONPATH": str(ROOT), "GATEWAY_NAMESPACE": "of-its-own"},
    )


async def test_a_forked_program_says_and_ends_as_an_executed_one(tmp_path: Path) -> None:
    executed = await Child.start(ours(tmp_path, "executed", "topology"))
    other = await forked(ours(tmp_path, "forked", "topology"))
    assert (await executed.wait(), await other.wait()) == (0, 0)
    assert other.program.log.read_text() == executed.program.log.read_text() != ""
    wrong = await forked(ours(tmp_path, "wrong", "topology", "--no-such-option"))
    assert await wrong.wait() == 2
    assert "No such option" in wrong.program.log.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_forked_program_has_a_session_of_its_own_and_ends_by_signals(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    async with Stage(tmp_path, {}, forked) as stage:
        child = (await stage.start_simulator()).child
        assert os.getsid(child.pid) == child.pid
        assert psutil.Process(child.pid).cwd() == str(tmp_path)
        await child.end(number)
    assert await child.wait() == code
    assert not psutil.pid_exists(child.pid)


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    program = tmp_path / "starter.py"
    program.write_text(STARTER)
    starter = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "stage")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        simulator = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    assert psutil.wait_procs([simulator], timeout=60)[1] == []
