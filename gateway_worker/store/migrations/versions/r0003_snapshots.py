"""What the sessions bucket holds, and what is to be removed from it.

Revision: 0003
"""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_TABLES: Final = (
    """
    CREATE TABLE snapshots (
        session_id text PRIMARY KEY,
        fingerprint bytea NOT NULL,
        epoch bigint NOT NULL,
        sequence bigint NOT NULL,
        taken_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE snapshot_removals (
        id text PRIMARY KEY,
        through bigint NOT NULL,
        due_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make both."""
    for statement in _TABLES:
        op.execute(statement)
