"""The credentials and keys of a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_worker.store.operations.operation import Operation, Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCredentials(Operation[None]):
    """Destroy credentials, keys, contacts and, soon after, snapshots of the identity (logout, or it is replaced)."""

    alone = True  # more rows than can be told


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCredentials(Operation[None]):
    """Replace the credentials blob."""

    blob: bytes = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("credentials",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutKeys(Operation[None]):
    """Write Signal and app-state keys, by (kind, id); None removes."""

    keys: Mapping[tuple[str, str], bytes | None] = field(repr=False)

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.keys)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("key", *key) for key in self.keys]
