"""Looks at every new connection before it is used: is this still the database that this worker began with?

A server that comes back after a break may hold an older state. A worker that went on would write under epochs and
sequences that it believes in and the database does not know.
"""

from collections.abc import Callable
from typing import Any, Final

import asyncpg

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.postgres.lineage import LineagePosition

_LOOK: Final = """
    SELECT l.number, l.sequence, l.epoch, l.xmin::text AS row, l.tableoid::text AS "table",
        (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS database,
        {system} AS system, {timeline} AS timeline, {position} AS position, pg_is_in_recovery() AS replica
    FROM lineage AS l ORDER BY l.number DESC, l.ctid DESC LIMIT 1
"""
_SYSTEM: Final = "(SELECT system_identifier::text FROM pg_control_system())"
_LOG: Final = {
    "timeline": "CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END",
    "position": "CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::text END",
}
_LOOKS: Final = (  # from all that there is to what every server says
    _LOOK.format(system=_SYSTEM, **_LOG),
    _LOOK.format(system="NULL", **_LOG),
    _LOOK.format(system="NULL", timeline="NULL", position="NULL"),
)
_HIGHEST: Final = "SELECT coalesce(max(sequence), 0) AS sequence, coalesce(max(epoch), 0) AS epoch FROM sessions"
_PARTS: Final = ("system", "timeline", "database", "table", "row")
_NOT_SAID: Final = (  # by some services, and to some users
    asyncpg.InsufficientPrivilegeError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.UndefinedFunctionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)


async def look(wire: Any, *, highest: bool = False) -> LineagePosition:
    """How the database stands, through a connection of asyncpg's that is in no transaction.

    Args:
        wire: the connection.
        highest: with the highest sequence and epoch of all sessions (reads their table), else those they began at.

    Raises:
        StoreUnavailable: it is a replica, or still empty.
    """
    try:
        row = await _row(wire)
    except asyncpg.UndefinedTableError:
        raise StoreUnavailable("The database has no tables: somebody restores it.") from None
    if row is None:
        raise StoreUnavailable("The database is empty: somebody restores it.")
    if row["replica"]:
        raise StoreUnavailable("The database is a replica.")
    sequence, epoch = row["sequence"], row["epoch"]
    if highest:
        top = await wire.fetchrow(_HIGHEST)
        sequence, epoch = max(sequence, top["sequence"]), max(epoch, top["epoch"])
    return LineagePosition(
        number=row["number"],
        sequence=sequence,
        epoch=epoch,
        position=None if row["position"] is None else int(row["position"]),
        identity={name: row[name] for name in _PARTS if row[name] is not None},
    )


async def _row(wire: Any) -> Any:
    for question in _LOOKS[:-1]:
        try:
            return await wire.fetchrow(question)
        except _NOT_SAID:
            continue
    return await wire.fetchrow(_LOOKS[-1])


class Guard:
    """Lets connections pass. Until `begin`, any; once one was refused, none."""

    def __init__(self) -> None:
        self._since: LineagePosition | None = None
        self._listeners: list[Callable[[str], None]] = []
        self.refusal: str | None = None

    def on_refusal(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the reason, once. It must neither block nor raise."""
        self._listeners.append(listener)

    def begin(self, position: LineagePosition) -> None:
        """From now on the database must be this one, or its continuation."""
        self._since = position

    @property
    def since(self) -> LineagePosition | None:
        """The latest standing that passed; None: there was no database yet."""
        return self._since

    def must_pass(self) -> None:
        """Raise `StoreUnavailable` once something was refused."""
        if self.refusal is not None:
            raise StoreUnavailable("The database went back in time.")

    async def admit(self, wire: Any) -> None:
        """Look at a new connection.

        Raises:
            StoreUnavailable: it leads to another database than the one that was begun with, or to a replica.
        """
        self.must_pass()
        if (since := self._since) is not None:
            self.compare(await look(wire), since)

    def compare(self, now: LineagePosition, since: LineagePosition) -> None:
        """As `admit`, with what was seen, and `since` from before it was asked for.

        What was seen meanwhile over other connections may be later: answers overtake each other on their way.
        """
        reason = now.parted(since) if now.number == since.number else "restored, and renewed by another"
        if reason is None:
            latest = self._since or since
            self._since = now if (now.position or 0) >= (latest.position or 0) else latest
            return
        if self.refusal is None:
            self.refusal = reason
            for listener in self._listeners:
                listener(reason)
        self.must_pass()
