"""Processed commands: what makes a repetition harmless."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway_worker.store.operations.commands import Conflict, Done, Fresh, InProgress, Recorded
from gateway_worker.store.postgres.database import Wire
from gateway_worker.store.postgres.encryption import Keyring, place
from gateway_worker.store.records import Json
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, dumps
from schemas.commands import CommandKey

_RECORD: Final = """
    INSERT INTO processed_commands AS c (source, id, body_hash, type, session_id, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[])
    ON CONFLICT (source, id) DO UPDATE
        SET attempts = c.attempts + (c.body_hash = excluded.body_hash AND NOT c.done)::int
    RETURNING source, id, body_hash, done, attempts, reply, xmax = 0 AS fresh
"""

_FINISH: Final = """
    UPDATE processed_commands AS c SET done = true, reply = f.reply
    FROM unnest($1::text[], $2::text[], $3::bytea[]) AS f (source, id, reply)
    WHERE c.source = f.source AND c.id = f.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A command to be recorded."""

    key: CommandKey
    body_hash: bytes
    type: str
    session_id: str | None


async def record(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `RecordCommand`s."""
    seen = [
        Seen(
            key=each.operation.key,
            body_hash=each.operation.body_hash,
            type=each.operation.type,
            session_id=each.session_id,
        )
        for each in placed
    ]
    answers = await record_commands(transaction.wire, transaction.keyring, seen, transaction.now)
    for each in placed:
        transaction.answer(each, answers[each.operation.key.source, each.operation.key.id])


async def finish(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `FinishCommand`s."""
    replies = [(each.operation.key, each.operation.reply) for each in placed]
    await finish_commands(transaction.wire, transaction.keyring, replies)


async def record_commands(
    wire: Wire, keyring: Keyring, seen: Sequence[Seen], now: datetime
) -> Mapping[tuple[str, str], Recorded]:
    """Record commands, each key once, and say what was known of them, by (source, id)."""
    seen = sorted(seen, key=lambda each: (each.key.source, each.key.id))  # one order of locks, whoever writes
    rows = await wire.fetch(
        _RECORD,
        [each.key.source for each in seen],
        [each.key.id for each in seen],
        [each.body_hash for each in seen],
        [each.type for each in seen],
        [each.session_id for each in seen],
        [now] * len(seen),
    )
    hashes = {(each.key.source, each.key.id): each.body_hash for each in seen}
    answers: dict[tuple[str, str], Recorded] = {}
    for row in rows:
        key = row["source"], row["id"]
        if row["fresh"]:
            answers[key] = Fresh()
        elif row["body_hash"] != hashes[key]:
            answers[key] = Conflict()
        elif row["done"]:
            answers[key] = Done(read_reply(keyring, *key, row["reply"]))
        else:
            answers[key] = InProgress(row["attempts"])
    return answers


async def finish_commands(wire: Wire, keyring: Keyring, replies: Sequence[tuple[CommandKey, Json | None]]) -> None:
    """Remember the replies of recorded commands."""
    replies = sorted(replies, key=lambda each: (each[0].source, each[0].id))
    await wire.execute(
        _FINISH,
        [key.source for key, _ in replies],
        [key.id for key, _ in replies],
        [None if reply is None else keyring.seal(dumps(reply), _where(key.source, key.id)) for key, reply in replies],
    )


def read_reply(keyring: Keyring, source: str, command_id: str, sealed: bytes | None) -> Json | None:
    """A stored reply in the clear."""
    return None if sealed is None else json.loads(keyring.unseal(sealed, _where(source, command_id)))


def _where(source: str, command_id: str) -> bytes:
    return place("processed_commands", source, command_id)
