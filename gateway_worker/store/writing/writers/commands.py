"""Processed commands: what makes a repetition harmless."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.commands import Conflict, Done, Fresh, InProgress, Recorded
from gateway_worker.store.postgres.database import Wire
from gateway_worker.store.postgres.encryption import Keyring, place
from gateway_worker.store.records import Json
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction
from schemas.commands.commands import CommandKey

_RECORD: Final = """
    INSERT INTO processed_commands AS c (subject, source, id, body_hash, type, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::timestamptz[])
    ON CONFLICT (subject, source, id) DO UPDATE
        SET attempts = c.attempts + (c.body_hash = excluded.body_hash AND NOT c.done)::int
    RETURNING subject, source, id, body_hash, done, attempts, reply, xmax = 0 AS fresh
"""

_FINISH: Final = """
    UPDATE processed_commands AS c SET done = true, reply = f.reply
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS f (subject, source, id, reply)
    WHERE c.subject = f.subject AND c.source = f.source AND c.id = f.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A command to be recorded."""

    key: CommandKey
    body_hash: bytes
    type: str


async def record(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `RecordCommand`s."""
    seen = [
        Seen(key=each.operation.key, body_hash=each.operation.body_hash, type=each.operation.type) for each in placed
    ]
    answers = await record_commands(transaction.wire, transaction.keyring, seen, transaction.now)
    for each in placed:
        transaction.answer(each, answers[each.operation.key])


async def finish(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `FinishCommand`s."""
    replies = [(each.operation.key, each.operation.reply) for each in placed]
    await finish_commands(transaction.wire, transaction.keyring, replies)


async def record_commands(
    wire: Wire, keyring: Keyring, seen: Sequence[Seen], now: datetime
) -> Mapping[CommandKey, Recorded]:
    """Record commands, each key once, and say what was known of them."""
    seen = sorted(seen, key=lambda each: _name(each.key))  # one order of locks, whoever writes
    rows = await wire.fetch(
        _RECORD,
        [each.key.subject for each in seen],
        [each.key.source for each in seen],
        [each.key.id for each in seen],
        [each.body_hash for each in seen],
        [each.type for each in seen],
        [now] * len(seen),
    )
    hashes = {each.key: each.body_hash for each in seen}
    answers: dict[CommandKey, Recorded] = {}
    for row in rows:
        key = CommandKey(source=row["source"], id=row["id"], subject=row["subject"])
        if row["fresh"]:
            answers[key] = Fresh()
        elif row["body_hash"] != hashes[key]:
            answers[key] = Conflict()
        elif row["done"]:
            answers[key] = Done(read_reply(keyring, key, row["reply"]))
        else:
            answers[key] = InProgress(row["attempts"])
    return answers


async def finish_commands(wire: Wire, keyring: Keyring, replies: Sequence[tuple[CommandKey, Json | None]]) -> None:
    """Remember the replies of recorded commands."""
    replies = sorted(replies, key=lambda each: _name(each[0]))
    await wire.execute(
        _FINISH,
        [key.subject for key, _ in replies],
        [key.source for key, _ in replies],
        [key.id for key, _ in replies],
        [None if reply is None else keyring.seal(dumps(reply), where_of_reply(*_name(key))) for key, reply in replies],
    )


def read_reply(keyring: Keyring, key: CommandKey, sealed: bytes | None) -> Json | None:
    """A stored reply in the clear."""
    return None if sealed is None else json.loads(keyring.unseal(sealed, where_of_reply(*_name(key))))


def where_of_reply(subject: str, source: str, command_id: str) -> bytes:
    """The place to which a stored reply is bound."""
    return place("processed_commands", subject, source, command_id)


def _name(key: CommandKey) -> tuple[str, str, str]:
    return key.subject, key.source, key.id
