"""Commands that a person types: each in a process of its own, and what all of them import is imported once."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.services.forked import PROCESSES, become, write_to

_numbers = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    complaints: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """What it complained of, however a terminal would break its lines."""
        return " ".join(self.complaints.split())


async def typed(folder: Path, environment: Mapping[str, str], *arguments: str) -> Said:
    """``gateway-worker ARGUMENTS`` to its end. `folder` takes what it prints."""
    return await asyncio.to_thread(_run, folder, environment, arguments)


def _run(folder: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> Said:
    number = next(_numbers)
    out, error = folder / f"{number}.out", folder / f"{number}.error"
    process = PROCESSES.Process(target=_command, args=(arguments, dict(environment), out, error))
    process.start()
    process.join()
    assert process.exitcode is not None
    return Said(code=process.exitcode, out=out.read_text(), complaints=error.read_text())


def _command(arguments: tuple[str, ...], environment: dict[str, str], out: Path, error: Path) -> None:
    write_to(out, 1)
    write_to(error, 2)
    os.environ.update(environment)
    become((sys.executable, "-m", "gateway_worker", *arguments))
