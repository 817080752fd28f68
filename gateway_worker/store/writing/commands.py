"""Commands that are remembered outside of any group commit: of sessions that this worker may not own."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway_worker.store.operations.commands import Recorded
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Keyring
from gateway_worker.store.records import CommandRecord, Json
from gateway_worker.store.writing.writers.commands import Seen, finish_commands, read_reply, record_commands
from schemas.commands.commands import CommandKey

_COMMAND: Final = "SELECT * FROM processed_commands WHERE subject = $1 AND source = $2 AND id = $3"


class Commands:
    """Processed commands without a fence: for the queues that belong to no session's owner."""

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def find(self, key: CommandKey) -> CommandRecord | None:
        """What is known of a command."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_COMMAND, key.subject, key.source, key.id)
        if row is None:
            return None
        return CommandRecord(
            key=key,
            body_hash=row["body_hash"],
            type=row["type"],
            done=row["done"],
            reply=read_reply(self._keyring, key, row["reply"]),
            created_at=row["created_at"],
        )

    async def record(self, key: CommandKey, body_hash: bytes, command_type: str) -> Recorded:
        """Remember a command before its effect, as `RecordCommand` does."""
        seen = Seen(key=key, body_hash=body_hash, type=command_type)
        async with self._database.wire() as wire:
            answers = await record_commands(wire, self._keyring, [seen], self._now())
        return answers[key]

    async def finish(self, key: CommandKey, reply: Json | None) -> None:
        """Remember its reply, as `FinishCommand` does."""
        async with self._database.wire() as wire:
            await finish_commands(wire, self._keyring, [(key, reply)])
