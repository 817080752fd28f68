"""The app state as the server has it, and as the phone reads it. Plain values. Pure."""

from dataclasses import dataclass, field

from gateway_worker.simulator.wire.app_state import Collection
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue


@dataclass(slots=True, kw_only=True)
class StoredCollection:
    """A collection with its patches, each serialised and numbered, the oldest first."""

    standing: Collection
    patches: list[bytes] = field(default_factory=list[bytes])
    """The newest; of those before them a snapshot alone tells."""
    readers: set[int] = field(default_factory=set[int])
    """Devices that were given it: whoever asks again for all of it gets a snapshot."""

    @property
    def oldest(self) -> int:
        """The version from which on patches are there for all that is new."""
        return self.standing.version - len(self.patches)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEntry:
    """Something that is set, as the phone reads it. `device`: the number of the device that set it; 0: the phone."""

    collection: str
    index: tuple[str, ...]
    action: SyncActionValue
    device: int
