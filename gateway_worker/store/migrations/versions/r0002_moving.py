"""Sessions move from one worker to another by order.

Revision: 0002
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Which worker a session is to leave, and until when that one must not have it back."""
    op.execute("ALTER TABLE sessions ADD COLUMN leaving text, ADD COLUMN returns_at timestamptz")
    op.execute("CREATE INDEX sessions_leaving ON sessions (id) WHERE leaving IS NOT NULL AND deleted_at IS NULL")
