"""A message is shown as it stands: edited, revoked, with the reactions to it.

Revision: 0006
"""

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """What a change is about, and the way from a message to its changes."""
    op.execute("ALTER TABLE messages ADD COLUMN about text")
    op.execute("CREATE INDEX messages_about ON messages (session_id, about, created_at) WHERE about IS NOT NULL")
