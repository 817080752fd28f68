"""How long this worker may act for its sessions, as the engine sees it."""

from typing import Final, Protocol

_LONG: Final = 30.0


class Lease(Protocol):
    """What the sockets hang on: when it has run out, somebody else may own the sessions."""

    @property
    def remaining(self) -> float:
        """Seconds until it runs out unless it is renewed; 0 when it has."""
        ...

    async def held(self) -> None:
        """Returns when it runs (again)."""
        ...


class NobodyElse:
    """The lease of an engine without competitors: it lasts as long as this process answers for it."""

    @property
    def remaining(self) -> float:
        """A bridge that hears nothing for so long ends."""
        return _LONG

    async def held(self) -> None:
        """At once."""
