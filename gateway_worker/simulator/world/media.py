"""WhatsApp's media hosts, as far as they know anything: encrypted blobs at paths that are not guessable. Pure.

A path is refused once a fault has struck it, and stays so: only another upload of the same media helps, which the
phone does when its companion asks for it.
"""

import base64
import hashlib

from gateway_worker.simulator.world.blobs import Stored
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.model import World
from gateway_worker.simulator.world.turn import Turn

MAX_STORED = 1 << 30
"""Bytes in all; above that the oldest blobs go (404), as they do at WhatsApp after some weeks."""
GONE, FORBIDDEN, UNAUTHORIZED, BAD_REQUEST = 404, 403, 401, 400


def token_of(blob: bytes) -> str:
    """How an upload names its blob: URL-safe base64 of its SHA-256, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def authorize(turn: Turn, phone: str) -> str:
    """The upload token of a phone's companions."""
    auths = turn.world.media.auths
    for auth, owner in auths.items():
        if owner == phone:
            return auth
    auth = turn.token(16)
    auths[auth] = phone
    return auth


def store(turn: Turn, blob: bytes, people: frozenset[str], *, safe: bool = False) -> str:
    """Puts a blob at a new path; returns the `direct_path`, with its query."""
    world = turn.world
    host, signature = world.media, turn.token(16)
    path = f"/v/t62.7118-24/{turn.token(12)}_n.enc"
    host.stored[path] = Stored(blob=blob, signature=signature, people=people, safe=safe)
    host.size += len(blob)
    world.stats.media_uploads += 1
    while host.size > MAX_STORED and len(host.stored) > 1:
        host.size -= len(host.stored.pop(next(iter(host.stored))).blob)
    return f"{path}?ccb=11-4&oh={signature}&oe={int(turn.now) + 2_592_000:X}&_nc_sid=5e03e0"


def upload_seconds(turn: Turn, auth: str) -> float:
    """How long the upload that begins now is to take at least."""
    phone = turn.world.media.auths.get(auth)
    fault = None if phone is None else strike(turn.world, turn.now, FaultKind.MEDIA_SLOW, phone)
    return 0.0 if fault is None else fault.after


def upload(turn: Turn, *, auth: str, token: str, blob: bytes) -> str | int:
    """A client's upload: the `direct_path`, or the status that refuses it."""
    phone = turn.world.media.auths.get(auth)
    if phone is None:
        return UNAUTHORIZED
    if not blob or token_of(blob) != token.rstrip("="):
        return BAD_REQUEST
    if fault := strike(turn.world, turn.now, FaultKind.MEDIA_UPLOAD, phone):
        turn.world.stats.media_refused += 1
        return fault.code
    return store(turn, blob, frozenset({phone}))


def download(turn: Turn, path: str, signature: str) -> bytes | int:
    """A client's download: the blob, or the status that refuses it."""
    stats = turn.world.stats
    found = turn.world.media.stored.get(path)
    if found is None:
        stats.media_refused += 1
        return GONE
    if found.refused is None and not found.safe and turn.world.faults:
        found.refused = _struck(turn.world, turn.now, found)
    status = found.refused or (None if signature == found.signature else FORBIDDEN)
    if status is not None:
        stats.media_refused += 1
        return status
    stats.media_downloads += 1
    return found.blob


def _struck(world: World, now: float, found: Stored) -> int | None:
    for phone in sorted(found.people) or [None]:
        if fault := strike(world, now, FaultKind.MEDIA_403, phone):
            return fault.code
    return None


def fetch(world: World, direct_path: str) -> bytes | None:
    """A phone's own look at what lies there, which no fault strikes; None if nothing does any more."""
    found = world.media.stored.get(direct_path.partition("?")[0])
    return found.blob if found else None


def mention(world: World, direct_path: str, phone: str) -> None:
    """A phone has been sent what lies there: faults on it strike this too."""
    if found := world.media.stored.get(direct_path.partition("?")[0]):
        found.people |= {phone}
