"""What a snapshot holds and how it is written down. Pure: bytes in, bytes out.

A snapshot is what makes a linked device: enough to log in as it again, nothing of its conversations. It holds no
ratchets (an old one silently loses messages) and no one-time prekeys (they are used once; new ones are uploaded).

The format, version 1, integers big-endian::

    "GWSNAP" | version (1) | length of the wrapped key (2) | wrapped key | encrypted: zlib of the JSON document

The data key is fresh for each snapshot and wrapped by the first of ``ENCRYPTION_KEYS``. Associated data is session,
purpose, format version, epoch and sequence: a snapshot under another session's name, or an older one under a newer
name, does not authenticate.
"""

import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.errors import SnapshotInvalid
from gateway_worker.store.postgres.encryption import KEY_BYTES, Cipher, Keyring, Randomness, fingerprint_of, place
from gateway_worker.store.postgres.lineage import EPOCH_STEP, SEQUENCE_STEP, beyond
from gateway_worker.store.records import Json

MAX_DOCUMENT: Final = 64 * 1024 * 1024
"""Bytes of the document, before compression."""

_MAGIC: Final = b"GWSNAP"
_VERSION: Final = 1
_HEADER: Final = len(_MAGIC) + 3
HEAD_BYTES: Final = 64  # of a snapshot: enough to say which key has sealed it
_PURPOSE: Final = "snapshot"

_DRIFT: Final = 10  # a tenth of a step further on, a snapshot is out of date even if the identity is the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One session's identity.

    Attributes:
        user_id, pairing, options, limits, phone, jid, lid, push_name: as in its row.
        credentials: the engine's blob.
        message_secret: see `message_secret.py`.
        keys: those of the identity, by (kind, id).
    """

    user_id: str
    pairing: Json
    options: Json
    limits: Json
    phone: str | None
    jid: str | None
    lid: str | None
    push_name: str | None
    message_secret: bytes = field(repr=False)
    credentials: bytes = field(repr=False)
    keys: Mapping[tuple[str, str], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Whose snapshot, and when in the session's life: it is sealed for this moment only."""

    session_id: str
    epoch: int
    sequence: int

    def resumed(self) -> "Moment":
        """From where a database that knows nothing goes on: beyond whatever was told since the snapshot was taken."""
        return replace(
            self,
            epoch=beyond(self.epoch, EPOCH_STEP),
            sequence=beyond(self.sequence, SEQUENCE_STEP),
        )


class _Document(BaseModel):
    """The JSON inside."""

    model_config = ConfigDict(extra="forbid", strict=True, ser_json_bytes="base64", val_json_bytes="base64")

    user_id: str
    pairing: dict[str, Any]
    options: dict[str, Any]
    limits: dict[str, Any]
    phone: str | None
    jid: str | None
    lid: str | None
    push_name: str | None
    message_secret: bytes
    credentials: bytes
    keys: list[tuple[str, str, bytes]]


def seal(snapshot: Snapshot, moment: Moment, keyring: Keyring, *, randomness: Randomness = os.urandom) -> bytes:
    """Write a snapshot down, encrypted.

    Raises:
        SnapshotInvalid: it is too large.
    """
    document = _Document(
        user_id=snapshot.user_id,
        pairing=dict(snapshot.pairing),
        options=dict(snapshot.options),
        limits=dict(snapshot.limits),
        phone=snapshot.phone,
        jid=snapshot.jid,
        lid=snapshot.lid,
        push_name=snapshot.push_name,
        message_secret=snapshot.message_secret,
        credentials=snapshot.credentials,
        keys=[(kind, key_id, value) for (kind, key_id), value in snapshot.keys.items()],
    )
    text = document.model_dump_json().encode()
    if len(text) > MAX_DOCUMENT:
        raise SnapshotInvalid(f"a snapshot of {len(text)} bytes is too large")
    key = randomness(KEY_BYTES)
    wrapped = keyring.seal(key, place(moment.session_id, _PURPOSE))
    encrypted = Cipher(moment.session_id, key, randomness).encrypt(zlib.compress(text), *_place(moment))
    return _MAGIC + bytes([_VERSION]) + len(wrapped).to_bytes(2) + wrapped + encrypted


def unseal(body: bytes, moment: Moment, keyring: Keyring) -> Snapshot:
    """Read what `seal` wrote for the same moment.

    Raises:
        SnapshotInvalid: it is no snapshot, or of another format.
        KeyUnavailable: the key that wrapped it is not configured.
        Tampered: it does not authenticate.
    """
    size = _size(body)
    key = keyring.unseal(body[_HEADER : _HEADER + size], place(moment.session_id, _PURPOSE))
    packed = Cipher(moment.session_id, key, os.urandom).decrypt(body[_HEADER + size :], *_place(moment))
    return _read(packed)


def sealed_by(body: bytes) -> bytes:
    """What names the key that wrapped the beginning of a snapshot. Raises `SnapshotInvalid` as `unseal` does."""
    return fingerprint_of(body[_HEADER : _HEADER + _size(body)])


def rewrapped(body: bytes, moment: Moment, keyring: Keyring) -> bytes:
    """The same snapshot under the first key of the keyring. Raises as `unseal` does."""
    end = _HEADER + _size(body)
    unseal(body, moment, keyring)  # what is not readable is not made to look as if it were
    wrapped = keyring.reseal(body[_HEADER:end], place(moment.session_id, _PURPOSE))
    return body[: _HEADER - 2] + len(wrapped).to_bytes(2) + wrapped + body[end:]


def fingerprint(snapshot: Snapshot, moment: Moment, keyring: Keyring, mark: bytes) -> bytes:
    """What changes when a new snapshot should be taken: the identity, the key that seals, and, rarely, the moment.

    Args:
        snapshot: what it would hold.
        moment: when.
        keyring: what would seal it.
        mark: stands for the credentials, without what changes in them at every login.
    """
    digest = hashlib.sha256(keyring.fingerprint + hashlib.sha256(mark).digest())
    drift = [moment.epoch * _DRIFT // EPOCH_STEP, moment.sequence * _DRIFT // SEQUENCE_STEP]
    account = [snapshot.phone, snapshot.jid, snapshot.lid, snapshot.push_name]
    digest.update(
        dumps([_VERSION, snapshot.user_id, snapshot.pairing, snapshot.options, snapshot.limits, account, drift])
    )
    for (kind, key_id), value in sorted(snapshot.keys.items()):
        digest.update(place(kind, key_id) + hashlib.sha256(value).digest())
    return digest.digest()


def _size(body: bytes) -> int:
    """Bytes of the wrapped key, of a snapshot that this program can read; at least its header must be there."""
    if len(body) < _HEADER or not body.startswith(_MAGIC):
        raise SnapshotInvalid("the object is not a snapshot of a session")
    version, size = body[len(_MAGIC)], int.from_bytes(body[_HEADER - 2 : _HEADER])
    if version != _VERSION:
        raise SnapshotInvalid(f"the snapshot has format {version}, this program reads {_VERSION}: update the program")
    return size


def _place(moment: Moment) -> tuple[str, ...]:
    return _PURPOSE, str(_VERSION), str(moment.epoch), str(moment.sequence)


def _read(packed: bytes) -> Snapshot:
    """It authenticated, so we wrote it; yet nothing is taken for granted that costs memory."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, MAX_DOCUMENT)
        document = _Document.model_validate_json(text)
    except (zlib.error, ValidationError) as error:
        raise SnapshotInvalid("the snapshot's content is not what this program writes") from error
    return Snapshot(
        user_id=document.user_id,
        pairing=document.pairing,
        options=document.options,
        limits=document.limits,
        phone=document.phone,
        jid=document.jid,
        lid=document.lid,
        push_name=document.push_name,
        message_secret=document.message_secret,
        credentials=document.credentials,
        keys={(kind, key_id): value for kind, key_id, value in document.keys},
    )
