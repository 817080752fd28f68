"""The messages of a chat are asked for, newest first.

Revision: 0005
"""

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """An index in the order of the answer."""
    op.execute("CREATE INDEX messages_chat ON messages (session_id, chat, created_at, message_id)")
