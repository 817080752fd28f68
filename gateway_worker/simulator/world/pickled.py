"""The whole state of a simulator as bytes, so that a restart goes on where the last run ended. Pure.

Everything is in it: people, devices, keys, prekeys handed out, ratchets, queues, inboxes, groups, faults, the ledger,
the root key and what was still to be done. It is a pickle of the model that loads nothing but the simulator's own
classes; it is for the version that wrote it, and holds private keys.
"""

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from hashlib import sha256
from types import MethodType
from typing import Any

from google.protobuf.message import Message as ProtobufMessage

from gateway_worker.simulator.wire.app_state import Collection
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen import whatsapp_pb2
from gateway_worker.simulator.wire.linking.webauthn import Passkey
from gateway_worker.simulator.world.app_state import StateEntry, StoredCollection
from gateway_worker.simulator.world.blobs import MediaHost, Stored
from gateway_worker.simulator.world.fault import Fault
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.model import Account, Device, Phone, World
from gateway_worker.simulator.world.phone_records import Call, Change, Kept
from gateway_worker.simulator.world.records import Delivered, Ledger, Record
from gateway_worker.simulator.world.stats import Stats
from gateway_worker.simulator.world.turn import Turn

_OURS = "gateway_worker.simulator."


class StateError(Exception):
    """Not a state that this version has written, or one that is not up to date."""


@dataclass(slots=True, kw_only=True)
class State:
    """What a simulator needs to go on."""

    root: KeyPair
    intermediate: KeyPair
    static: KeyPair
    """The server's Noise key."""
    world: World
    pending: list[tuple[float, Callable[[Turn], None]]]
    """What was to be done when (s since the epoch)."""
    media_authority: bytes
    """Key and certificate of who signs for the media host, as PEM."""
    media_port: int
    """Where the media host was; messages name it."""
    last_connection: int
    """The highest connection id given so far."""


@cache
def header() -> bytes:
    """How a state begins: with a digest of what there is in it, so that one from another version is known as such."""
    names = [f"{kind.__name__}.{part.name}" for kind in _KINDS for part in fields(kind)]
    return f"gateway-worker simulator {sha256(' '.join(names).encode()).hexdigest()[:16]}\n".encode()


def dump(state: State) -> bytes:
    """The state as bytes. There must be no connections any more."""
    assert not state.world.connections, "a connection does not outlive its server"
    out = io.BytesIO()
    out.write(header())
    _Pickler(out, entropy=state.world.entropy).dump(state)
    return out.getvalue()


def load(content: bytes, entropy: Callable[[int], bytes]) -> State:
    """The reverse; `StateError` for anything else. `entropy` is the source of random bytes from now on."""
    if not content.startswith(header()):
        raise StateError("not the state of a simulator of this version")
    try:
        state = _Unpickler(io.BytesIO(content[len(header()) :])).load()
    except (pickle.UnpicklingError, AttributeError, EOFError, IndexError, TypeError, ValueError) as error:
        raise StateError("the state is damaged, or from another version") from error
    if not isinstance(state, State):
        raise StateError("not the state of a simulator")
    state.world.entropy = entropy
    return state


_KINDS = (
    State,
    World,
    Account,
    Passkey,
    Device,
    Group,
    Phone,
    Kept,
    Change,
    Call,
    Fault,
    Ledger,
    Record,
    Delivered,
    MediaHost,
    Stored,
    Collection,
    StoredCollection,
    StateEntry,
    Stats,
)


class _Pickler(pickle.Pickler):
    def __init__(self, out: io.BytesIO, *, entropy: Callable[[int], bytes]) -> None:
        super().__init__(out, protocol=5)
        self._entropy = entropy

    def reducer_override(self, obj: Any) -> Any:
        """Protobuf messages and key pairs go as their bytes; sources of randomness and keys are the next process's."""
        if isinstance(obj, ProtobufMessage):
            return _message, (obj.DESCRIPTOR.full_name, obj.SerializeToString())
        if isinstance(obj, KeyPair):
            return _key_pair, (obj.private,)
        if obj is self._entropy:
            return _no_entropy, ()
        if isinstance(obj, MethodType) and obj == KeyPair.generate:
            return _new_keys, ()
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Only what the simulator itself is made of."""
        if (module_name, global_name) == ("functools", "partial"):
            return partial
        found = super().find_class(module_name, global_name) if module_name.startswith(_OURS) else None
        if not str(getattr(found, "__module__", "")).startswith(_OURS):
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not part of a state")
        return found


def _message(name: str, content: bytes) -> ProtobufMessage:
    kind: Any = whatsapp_pb2
    for part in name.split(".")[1:]:  # the first is the package
        kind = getattr(kind, part)
    return kind.FromString(content)


def _key_pair(private: bytes) -> KeyPair:
    return KeyPair.from_private(private)


def _no_entropy() -> None:
    return None


def _new_keys() -> Callable[[], KeyPair]:
    return KeyPair.generate
