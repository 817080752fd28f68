"""Files of messages that came in: fetched by a job of their own, kept for a while, removed from the bucket.

Revision: 0009
"""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

_STATEMENTS: Final = (
    """
    CREATE TABLE media (
        session_id text NOT NULL,
        message_id text NOT NULL,
        number integer NOT NULL DEFAULT 0,
        state text NOT NULL,
        object text NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_try timestamptz,
        value bytea NOT NULL,
        error jsonb,
        created_at timestamptz NOT NULL,
        stored_at timestamptz,
        PRIMARY KEY (session_id, message_id, number)
    ) WITH (fillfactor = 70)
    """,
    "ALTER TABLE media ALTER COLUMN value SET STORAGE EXTERNAL",
    "CREATE INDEX media_due ON media (session_id, next_try) WHERE state = 'pending'",
    "CREATE INDEX media_created ON media (created_at)",
    """
    CREATE TABLE media_removals (
        id text PRIMARY KEY,
        before timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make both."""
    for statement in _STATEMENTS:
        op.execute(statement)
