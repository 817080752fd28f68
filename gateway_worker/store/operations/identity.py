"""The credentials and keys of a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_worker.store.operations.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCredentials(Operation[None]):
    """Destroy credentials, keys, contacts and, soon after, snapshots of the identity (logout, or it is replaced)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCredentials(Operation[None]):
    """Replace the credentials blob."""

    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutKeys(Operation[None]):
    """Write Signal and app-state keys, by (kind, id); None removes."""

    keys: Mapping[tuple[str, str], bytes | None] = field(repr=False)
