"""The encryption keys: what was sealed can be read, and which of them are still needed."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from gateway_worker.cli.doctor.database import connected
from gateway_worker.cli.doctor.examination import UnwellError
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import SnapshotInvalid
from gateway_worker.store.postgres.encryption import Keyring
from gateway_worker.store.rotation.uses import KeyUse, uses
from gateway_worker.store.snapshots.format import HEAD_BYTES, sealed_by

_SNAPSHOTS: Final = 50  # looked at here; `keys rotate` looks at all


async def encryption_keys(settings: Settings) -> str:
    """In the database, and of some snapshots."""
    if not settings.encryption_keys:
        raise UnwellError("none is set")
    names = Keyring(settings.raw_encryption_keys).names
    async with connected(settings) as connection:
        found = await uses(connection)
    _require(names, found)
    try:
        found = [*found, *await _of_bucket(settings)]
    except OSError:
        return f"{_praise(names, _sum(found))} (the bucket could not be asked)"
    return _praise(names, _sum(found))


def _require(names: Sequence[str], found: Sequence[KeyUse]) -> None:
    unknown = _sum(each for each in found if each.key not in names)
    if unknown:
        listed = ", ".join(f"{key} ({number} values)" for key, number in unknown.items())
        raise UnwellError(
            f"what was sealed with {listed} cannot be read: add that key to GATEWAY_ENCRYPTION_KEYS, behind the first"
        )


async def _of_bucket(settings: Settings) -> Sequence[KeyUse]:
    client = S3Client(**settings.s3)
    objects, found = SnapshotObjects(client, settings.sessions_bucket), list[KeyUse]()
    try:
        for session_id, moment in islice((await objects.sessions()).items(), _SNAPSHOTS):
            try:
                key = sealed_by(await objects.beginning(session_id, moment, HEAD_BYTES)).hex()
            except (SnapshotInvalid, FileNotFoundError):
                continue
            found.append(KeyUse(place="snapshots", key=key, number=1))
    finally:
        await client.stop()
    return found


def _sum(found: Iterable[KeyUse]) -> Mapping[str, int]:
    total: dict[str, int] = {}
    for each in found:
        total[each.key] = total.get(each.key, 0) + each.number
    return total


def _praise(names: Sequence[str], needed: Mapping[str, int]) -> str:
    first, *others = names
    still = [f"{key} is needed for {number} values" for key, number in needed.items() if key != first]
    summary = f"{len(names)} key(s), {first} seals"
    if still:
        return f"{summary}; {', '.join(still)}: gateway-worker keys rotate"
    return f"{summary}, and nothing needs another" + (": keys rotate says whether the others may go" if others else "")
