"""Files are processed in processes of their own: one for each, a few at a time, with a deadline."""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from gateway_worker.media.errors import too_large, unsupported
from gateway_worker.media.fair_semaphore import FairSemaphore
from gateway_worker.media.limits import CPU_SECONDS

_log = structlog.get_logger()

_ROOT: Final = Path(__file__).resolve().parents[2]
_AT_ONCE: Final = 2
_SECONDS: Final = 90.0
_MAX_ANSWER: Final = 256 * 1024
_PREVENTED: Final = frozenset({-9, -24, -25})  # killed, out of CPU time, out of room for its file


class WorkerPool:
    """Has files looked at and made anew.

    Args:
        at_once: how many.
        seconds: the deadline for each.
        keep_metadata: leave in a picture where and when it was taken, and with what.
    """

    def __init__(self, *, at_once: int = _AT_ONCE, seconds: float = _SECONDS, keep_metadata: bool = False) -> None:
        self._semaphore = FairSemaphore(at_once)
        self._seconds = seconds
        self._keep_metadata = keep_metadata

    async def make(self, kind: str, mimetype: str, source: Path, target: Path, *, party: str) -> Mapping[str, Any]:
        """What the process found out; `target` is written where it says ``converted``. For each `party` one at a time.

        Raises:
            MediaUnsupported, MediaTooLarge: it is nothing that can be sent as `kind`.
        """
        order = {
            "kind": kind,
            "mimetype": mimetype,
            "source": str(source),
            "target": str(target),
            "keep_metadata": self._keep_metadata,
        }
        async with self._semaphore.taken(party):
            answer = await self._run(json.dumps(order), mimetype)
        fault = answer.get("fault")
        if fault is None:
            return answer["made"]
        detail: dict[str, Any] = {"type": mimetype, **fault["detail"]}
        raise (too_large if fault["code"] == "too_large" else unsupported)(fault["reason"], **detail)

    async def _run(self, order: str, mimetype: str) -> Mapping[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *_command(order),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1"},
            limit=_MAX_ANSWER,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._seconds):
                output = await process.stdout.read(_MAX_ANSWER)
                code = await process.wait()
        except TimeoutError as error:
            raise too_large("work", limit=int(self._seconds), type=mimetype) from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code == 0:
            return json.loads(output)
        if code in _PREVENTED:
            raise too_large("work", limit=CPU_SECONDS, type=mimetype)
        _log.warning("media.process_crashed", type=mimetype, code=code)
        raise unsupported("crashed", type=mimetype)  # a decoder's fault, whatever is wrong with the file


def _command(order: str) -> Sequence[str]:
    setpriv = shutil.which("setpriv")
    guard = () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
    return (*guard, sys.executable, "-m", "gateway_worker.media.processing", order)
