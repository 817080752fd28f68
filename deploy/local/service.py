"""What the guardian has to know about a service to start it, to see that it is ready, and to clean up behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from deploy.local.program import Program
from deploy.local.seat import Seat


class Service(Protocol):
    """One of the four. It holds no state but its seat: the guardian owns the programs."""

    name: ClassVar[str]
    purposes: ClassVar[Sequence[str]]
    """What it needs ports for."""

    def __init__(self, seat: Seat) -> None: ...

    @property
    def seat(self) -> Seat:
        """Where it sits."""
        ...

    async def prepare(self) -> None:
        """Write its configuration and make its data folder, if they are not there yet. Before every start."""
        ...

    def companions(self) -> Sequence[Program]:
        """Programs that it needs beside it; they outlive a kill of the service."""
        ...

    def program(self) -> Program:
        """The service itself."""
        ...

    async def is_ready(self) -> bool:
        """Whether a client would be served now."""
        ...

    async def release(self) -> None:
        """Give back what the kernel still holds for it after its programs have ended."""
        ...

    def folders(self) -> Sequence[Path]:
        """Everything it has on disk."""
        ...
