"""What the methods named after commands stand on. Abstract."""

from typing import Protocol, TypeVar, Unpack

from gateway_worker.client.commands import CommandOptions
from gateway_worker.client.replies import Accepted
from schemas.model import Model, StrictModel

M = TypeVar("M", bound=Model)


class Asking(Protocol):
    """Sends a command, and returns what it is answered with."""

    async def order(self, subject: str | None, command: StrictModel, **options: Unpack[CommandOptions]) -> Accepted:
        """A command that returns nothing."""
        ...

    async def query(
        self, subject: str | None, question: StrictModel, result: type[M], **options: Unpack[CommandOptions]
    ) -> M:
        """A command that returns something."""
        ...
