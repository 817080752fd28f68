"""Patches of the app state as phones write them: encrypted, and summed up so that nobody can leave one out. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import iter_unpack, pack
from typing import Final

from gateway_worker.simulator.wire.ciphers import encrypt_cbc
from gateway_worker.simulator.wire.curve import hkdf
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    KeyId,
    SyncActionData,
    SyncActionValue,
    SyncdIndex,
    SyncdMutation,
    SyncdPatch,
    SyncdRecord,
    SyncdValue,
)

IV_SIZE: Final = 16
_KEY = 32
_MAC = 32
_SUM = 128
_WORD = 1 << 16
_SET = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStateKey:
    """A key that a phone shares with its companions. `secret` has 32 bytes."""

    id: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class _Keys:
    index: bytes
    value: bytes
    value_mac: bytes
    snapshot_mac: bytes
    patch_mac: bytes


def write_patch(
    collection: str,
    log: Sequence[bytes],
    *,
    index: Sequence[str],
    action: SyncActionValue,
    key: AppStateKey,
    iv: bytes,
) -> bytes:
    """The patch that follows on those of the log (each serialised): it sets one action.

    Args:
        collection: its name.
        log: all patches of the collection, oldest first.
        index: names what is set; a later patch with the same one replaces it.
        action: what it is from now on.
        key: encrypts it.
        iv: 16 bytes, never used before.
    """
    keys = _keys(key.secret)
    names = json.dumps(list(index), separators=(",", ":"), ensure_ascii=False).encode()
    content = SyncActionData(index=names, value=action, padding=b"", version=2).SerializeToString()
    encrypted = iv + encrypt_cbc(keys.value, iv, content)
    value_mac = _value_mac(encrypted, key.id, keys.value_mac)
    mutation = _mutation(hmac.digest(keys.index, names, "sha256"), encrypted + value_mac, key.id)
    version = pack(">Q", len(log) + 1)
    summed = _sum([*(each for patch in log for each in SyncdPatch.FromString(patch).mutations), mutation])
    snapshot_mac = hmac.digest(keys.snapshot_mac, summed + version + collection.encode(), "sha256")
    patch_mac = hmac.digest(keys.patch_mac, snapshot_mac + value_mac + version + collection.encode(), "sha256")
    patch = SyncdPatch(mutations=[mutation], snapshotMac=snapshot_mac, patchMac=patch_mac, keyId=KeyId(id=key.id))
    return patch.SerializeToString()


def _keys(secret: bytes) -> _Keys:
    expanded = hkdf(secret, 5 * _KEY, info=b"WhatsApp Mutation Keys")
    return _Keys(*(expanded[start : start + _KEY] for start in range(0, len(expanded), _KEY)))


def _value_mac(encrypted: bytes, key_id: bytes, key: bytes) -> bytes:
    head = _SET + key_id
    return hmac.digest(key, head + encrypted + pack(">Q", len(head)), hashlib.sha512)[:_MAC]


def _mutation(index_mac: bytes, value: bytes, key_id: bytes) -> SyncdMutation:
    record = SyncdRecord(index=SyncdIndex(blob=index_mac), value=SyncdValue(blob=value), keyId=KeyId(id=key_id))
    return SyncdMutation(operation=SyncdMutation.SyncdOperation.SET, record=record)


def _sum(mutations: Iterable[SyncdMutation]) -> bytes:
    """The LT-Hash of all that is set: the same in whichever order it came to be."""
    current: dict[bytes, bytes] = {}
    for mutation in mutations:
        if mutation.operation == SyncdMutation.SyncdOperation.SET:
            current[mutation.record.index.blob] = mutation.record.value.blob[-_MAC:]
        else:
            current.pop(mutation.record.index.blob, None)
    total = [0] * (_SUM // 2)
    for value_mac in current.values():
        spread = hkdf(value_mac, _SUM, info=b"WhatsApp Patch Integrity")
        total = [(one + other) % _WORD for one, (other,) in zip(total, iter_unpack("<H", spread), strict=True)]
    return pack(f"<{_SUM // 2}H", *total)
