"""Which of the configured keys are still needed: what names a key stands at the beginning of whatever it has sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway_worker.store.postgres.database import Wire

_USES: Final = """
    SELECT place, encode(substring(sealed FROM 2 FOR 8), 'hex') AS key, count(*) AS number
    FROM (
        SELECT 'sessions' AS place, unnest(ARRAY[identity_key, content_key, message_secret]) AS sealed FROM sessions
        UNION ALL SELECT 'replies', reply FROM processed_commands
    ) AS found
    WHERE sealed IS NOT NULL
    GROUP BY place, key ORDER BY place, key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How many values in one place a key has sealed. `key` is what names it, in hexadecimal."""

    place: str
    key: str
    number: int


async def uses(wire: Wire) -> Sequence[KeyUse]:
    """Of the database. It reads every session and every reply once."""
    rows = await wire.fetch(_USES)
    return [KeyUse(place=row["place"], key=row["key"], number=row["number"]) for row in rows]
