"""Commands that a person types: each in a process of its own, and what all of them import is imported once."""

import asyncio
import itertools
import json
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PROCESSES: Final = multiprocessing.get_context("forkserver")
# Not `gateway_worker.cli`: it looks at the terminal, which each process has another of.
_PROCESSES.set_forkserver_preload(
    [
        "gateway_worker.broker.connection",
        "gateway_worker.store.store",
        "gateway_worker.settings.settings",
        "typer.rich_utils",
    ]
)
_numbers = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def typed(folder: Path, environment: Mapping[str, str], *arguments: str) -> Said:
    """``gateway-worker ARGUMENTS`` to its end. `folder` takes what it prints."""
    return await asyncio.to_thread(_run, folder, environment, arguments)


def _run(folder: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> Said:
    number = next(_numbers)
    out, error = folder / f"{number}.out", folder / f"{number}.error"
    process = _PROCESSES.Process(target=_command, args=(arguments, dict(environment), out, error))
    process.start()
    process.join()
    assert process.exitcode is not None
    return Said(code=process.exitcode, out=out.read_text(), error=" ".join(error.read_text().split()))


def _command(arguments: tuple[str, ...], environment: dict[str, str], out: Path, error: Path) -> None:
    for descriptor, file in ((1, out), (2, error)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    os.environ.update(environment)
    sys.argv = ["gateway-worker", *arguments]
    from gateway_worker.cli.main import app  # noqa: PLC0415 (it looks at the terminal, which stands only now)

    app()
