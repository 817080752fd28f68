"""What PostgreSQL holds: owners, message rows and the outbox. Read between faults, when it serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import asyncpg

from tests.chaos.accounts.ledgers import OutboxRow, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A session's row: who owns it and how it is."""

    session_id: str
    owner: str | None
    state: str
    sequence: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """One database of the gateway."""

    url: str

    async def held(self) -> Sequence[Held]:
        """All sessions."""
        rows = await self._fetch("SELECT id, owner, state, sequence, epoch FROM sessions WHERE deleted_at IS NULL")
        return [
            Held(
                session_id=row["id"],
                owner=row["owner"],
                state=row["state"],
                sequence=row["sequence"],
                epoch=row["epoch"],
            )
            for row in rows
        ]

    async def rows(self, command_prefix: str, since: float) -> Sequence[Row]:
        """Messages of the commands that begin so, and what was received since."""
        rows = await self._fetch(
            """
            SELECT session_id, message_id, direction, status, command_id FROM messages
            WHERE created_at >= to_timestamp($2) AND (command_id IS NULL OR starts_with(command_id, $1))
            """,
            command_prefix,
            since,
        )
        return [
            Row(
                session_id=row["session_id"],
                message_id=row["message_id"],
                direction=row["direction"],
                status=row["status"],
                command_id=row["command_id"],
            )
            for row in rows
        ]

    async def outbox(self, since: float) -> Sequence[OutboxRow]:
        """What was to be told since."""
        rows = await self._fetch(
            "SELECT session_id, sequence, event_id, epoch FROM outbox WHERE created_at >= to_timestamp($1)", since
        )
        return [
            OutboxRow(
                session_id=row["session_id"], sequence=row["sequence"], event_id=row["event_id"], epoch=row["epoch"]
            )
            for row in rows
        ]

    async def _fetch(self, statement: str, *arguments: object) -> Sequence[Any]:
        connection = cast("Any", await asyncpg.connect(self.url))  # asyncpg's own annotations are partly unknown
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()
