"""Patches of the app state: encrypted, and summed up so that nobody can leave one out. Written and verified. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from struct import iter_unpack, pack
from typing import Final

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.ciphers import decrypt_cbc, encrypt_cbc
from gateway_worker.simulator.wire.curve import hkdf
from gateway_worker.simulator.wire.errors import AppStateError, MalformedMessage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    KeyId,
    SyncActionData,
    SyncActionValue,
    SyncdIndex,
    SyncdMutation,
    SyncdPatch,
    SyncdRecord,
    SyncdSnapshot,
    SyncdValue,
)

IV_SIZE: Final = 16
_KEY = 32
_MAC = 32
_SUM = 128
_WORD = 1 << 16
_Operation = SyncdMutation.SyncdOperation


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


@dataclass(slots=True, kw_only=True)
class Collection:
    """A collection as everybody knows it who has all of its patches, with or without the keys."""

    name: str
    version: int = 0
    total: bytes = bytes(_SUM)
    """The LT-Hash of all that is set."""
    records: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """What stands in it: a serialised `SyncdRecord` by the MAC of its name."""
    snapshot_mac: bytes = b""
    key_id: bytes = b""
    """As the last patch has them."""

    def after(self, patch: SyncdPatch) -> "Collection":
        """The collection as the patch that follows leaves it. Looks at no MAC."""
        records, total = dict(self.records), self.total
        for mutation in patch.mutations:
            name = mutation.record.index.blob
            before = records.pop(name, None)
            if before is not None:
                total = _shifted(total, _mac_in(SyncdRecord.FromString(before)), -1)
            if mutation.operation == _Operation.SET:
                records[name] = mutation.record.SerializeToString()
                total = _shifted(total, _mac_in(mutation.record), 1)
        return Collection(
            name=self.name,
            version=self.version + 1,
            total=total,
            records=records,
            snapshot_mac=patch.snapshotMac,
            key_id=patch.keyId.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Something that is set, or no longer.

    Attributes:
        index: names what is set; a later one with the same one replaces it.
        action: what it is from now on; None: it is no longer there.
        form: of the action, as clients number it.
    """

    index: Sequence[str]
    action: SyncActionValue | None
    form: int = 2


def write_patch(
    collection: Collection, settings: Sequence[Setting], *, key: AppStateKey, ivs: Sequence[bytes]
) -> bytes:
    """The patch that follows, serialised; the server has still to number it. Each IV: 16 bytes, never used before."""
    keys = _keys(key.secret)
    mutations = [_sealed(each, key, keys, iv) for each, iv in zip(settings, ivs, strict=True)]
    patch = SyncdPatch(mutations=mutations, keyId=KeyId(id=key.id))
    after = collection.after(patch)
    patch.snapshotMac = _snapshot_mac(after, keys)
    patch.patchMac = _patch_mac(patch, after, keys)
    return patch.SerializeToString()


def read_patch(collection: Collection, patch: SyncdPatch, secrets: dict[bytes, bytes]) -> list[Setting]:
    """What a patch sets that follows on the collection.

    Args:
        collection: as it was before.
        patch: of whichever device.
        secrets: the keys of its phone, by their ids.

    Raises:
        AppStateError: it is not what its MACs say, or a key is not the phone's.
    """
    keys = _keys_of(patch.keyId.id, secrets)
    after = collection.after(patch)
    if not hmac.compare_digest(_patch_mac(patch, after, keys), patch.patchMac):
        raise AppStateError("patch_mac")
    settings = [_opened(mutation, secrets) for mutation in patch.mutations]
    if not hmac.compare_digest(_snapshot_mac(after, keys), patch.snapshotMac):
        raise AppStateError("snapshot_mac")
    return settings


def snapshot_of(collection: Collection) -> bytes:
    """All that stands in it, serialised, with the MAC of its last patch."""
    snapshot = SyncdSnapshot(mac=collection.snapshot_mac, keyId=KeyId(id=collection.key_id))
    snapshot.version.version = collection.version
    snapshot.records.extend(SyncdRecord.FromString(record) for record in collection.records.values())
    return snapshot.SerializeToString()


def _sealed(setting: Setting, key: AppStateKey, keys: _Keys, iv: bytes) -> SyncdMutation:
    names = json.dumps(list(setting.index), separators=(",", ":"), ensure_ascii=False).encode()
    action = setting.action or SyncActionValue()
    content = SyncActionData(index=names, value=action, padding=b"", version=setting.form).SerializeToString()
    operation = _Operation.REMOVE if setting.action is None else _Operation.SET
    encrypted = iv + encrypt_cbc(keys.value, iv, content)
    value = encrypted + _value_mac(operation, encrypted, key.id, keys.value_mac)
    index = SyncdIndex(blob=hmac.digest(keys.index, names, "sha256"))
    record = SyncdRecord(index=index, value=SyncdValue(blob=value), keyId=KeyId(id=key.id))
    return SyncdMutation(operation=operation, record=record)


def _opened(mutation: SyncdMutation, secrets: dict[bytes, bytes]) -> Setting:
    record, key_id = mutation.record, mutation.record.keyId.id
    keys, blob = _keys_of(key_id, secrets), record.value.blob
    encrypted, mac = blob[:-_MAC], blob[-_MAC:]
    if not hmac.compare_digest(_value_mac(mutation.operation, encrypted, key_id, keys.value_mac), mac):
        raise AppStateError("value_mac")
    try:
        content = SyncActionData.FromString(decrypt_cbc(keys.value, encrypted[:IV_SIZE], encrypted[IV_SIZE:]))
        index = json.loads(content.index)
    except (DecodeError, MalformedMessage, ValueError) as error:
        raise AppStateError("content") from error
    if not hmac.compare_digest(hmac.digest(keys.index, content.index, "sha256"), record.index.blob):
        raise AppStateError("index_mac")
    action = content.value if mutation.operation == _Operation.SET else None
    return Setting(index=index, action=action, form=content.version)


def _keys_of(key_id: bytes, secrets: dict[bytes, bytes]) -> _Keys:
    if key_id not in secrets:
        raise AppStateError("key")
    return _keys(secrets[key_id])


def _keys(secret: bytes) -> _Keys:
    expanded = hkdf(secret, 5 * _KEY, info=b"WhatsApp Mutation Keys")
    return _Keys(*(expanded[start : start + _KEY] for start in range(0, len(expanded), _KEY)))


def _value_mac(operation: int, encrypted: bytes, key_id: bytes, key: bytes) -> bytes:
    head = (b"\x01" if operation == _Operation.SET else b"\x02") + key_id
    return hmac.digest(key, head + encrypted + pack(">Q", len(head)), hashlib.sha512)[:_MAC]


def _snapshot_mac(after: Collection, keys: _Keys) -> bytes:
    said = after.total + pack(">Q", after.version) + after.name.encode()
    return hmac.digest(keys.snapshot_mac, said, "sha256")


def _patch_mac(patch: SyncdPatch, after: Collection, keys: _Keys) -> bytes:
    macs = b"".join(_mac_in(mutation.record) for mutation in patch.mutations)
    said = patch.snapshotMac + macs + pack(">Q", after.version) + after.name.encode()
    return hmac.digest(keys.patch_mac, said, "sha256")


def _mac_in(record: SyncdRecord) -> bytes:
    return record.value.blob[-_MAC:]


def _shifted(total: bytes, value_mac: bytes, sign: int) -> bytes:
    """The sum with one more value, or with one less: the same in whichever order it came to be."""
    words: Iterable[tuple[int]] = iter_unpack("<H", total)
    spread = hkdf(value_mac, _SUM, info=b"WhatsApp Patch Integrity")
    pairs = zip(words, iter_unpack("<H", spread), strict=True)
    return pack(f"<{_SUM // 2}H", *((one + sign * other) % _WORD for (one,), (other,) in pairs))
