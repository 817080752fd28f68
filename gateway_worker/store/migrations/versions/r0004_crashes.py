"""What a crash must not forget: which protocol messages are unprocessed, and how often a message was tried.

Revision: 0004
"""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_CHANGES: Final = (
    "ALTER TABLE entries ADD COLUMN unprocessed boolean NOT NULL DEFAULT false",
    "CREATE INDEX entries_unprocessed ON entries (session_id) WHERE unprocessed",
    "ALTER TABLE bodies ADD COLUMN tries integer NOT NULL DEFAULT 1",
)


def upgrade() -> None:
    """Add the columns."""
    for statement in _CHANGES:
        op.execute(statement)
