"""How far each participant of a group is with a message of ours.

Revision: 0008
"""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"

_CHANGES: Final = (
    """
    CREATE TABLE receipts (
        session_id text NOT NULL,
        message_id text NOT NULL,
        participant text NOT NULL,
        status text NOT NULL,
        delivered_at timestamptz,
        read_at timestamptz,
        played_at timestamptz,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, message_id, participant, created_at)
    ) PARTITION BY RANGE (created_at)
    """,
    "CREATE TABLE receipts_default PARTITION OF receipts DEFAULT",
)


def upgrade() -> None:
    """A row per participant and message; its partitions are made by whoever begins to write."""
    for statement in _CHANGES:
        op.execute(statement)
