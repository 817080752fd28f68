"""The bridge's own tests and its types, run by the Node it runs on."""

import subprocess
from pathlib import Path

from gateway_worker.whatsapp.baileys.process.process import BRIDGE, node_program

TESTS = Path(__file__).parent / "bridge"


def test_the_bridges_own_tests_pass() -> None:
    files = sorted(str(file) for file in TESTS.rglob("*.test.ts"))
    assert files
    # One process for all files: loading Baileys costs a second of work each time.
    command = [node_program(), "--test", "--test-isolation=none", "--import", str(TESTS / "first.ts"), *files]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert run.returncode == 0, run.stdout


def test_no_lock_names_a_host() -> None:
    lock = (BRIDGE / "package-lock.json").read_text()
    assert "://" not in "\n".join(line for line in lock.splitlines() if '"url"' not in line)
