"""Where a simulator's state comes from: it is new, or lies in the file that the last run has left.

The state is written when a run ends (SIGTERM, SIGINT) and used up when the next one starts. A run that is killed
(SIGKILL) leaves no state: what it had acknowledged since its start is lost, and the phones' ratchets would go back.
That is nothing that WhatsApp does, so the next start refuses, instead of pretending.
"""

import os
from pathlib import Path

from gateway_worker.simulator.shell.tls import new_authority
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.world.model import World
from gateway_worker.simulator.world.pickled import State, StateError, dump, load


def new_state() -> State:
    """A WhatsApp that nobody knows yet."""
    return State(
        root=KeyPair.generate(),
        intermediate=KeyPair.generate(),
        static=KeyPair.generate(),
        world=World(entropy=os.urandom),
        pending=[],
        media_authority=new_authority(),
        media_port=0,
        last_connection=0,
    )


class Keeper:
    """The state in `path`; beside it lies `<name>.in-use` while a run has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._in_use = path.with_name(path.name + ".in-use")

    def take(self) -> State | None:
        """What the last run has left; None before the first. `StateError` if the last run was killed, or still runs."""
        if not self._path.exists():
            if self._in_use.exists():
                raise StateError(
                    "the simulator was killed (or still runs): its state is lost. "
                    f"Delete {self._in_use.name} to start with none"
                )
            self._in_use.touch(mode=0o600)
            return None
        state = load(self._path.read_bytes(), os.urandom)
        self._path.replace(self._in_use)
        return state

    def keep(self, state: State) -> None:
        """Writes the state for the next run."""
        self._in_use.write_bytes(dump(state))
        self._in_use.chmod(0o600)
        self._in_use.replace(self._path)
