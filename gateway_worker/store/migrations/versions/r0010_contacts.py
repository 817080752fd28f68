"""What is known of people, so that a backend hears of what changes, once.

Revision: 0010
"""

from typing import Final

from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_TABLE: Final = """
    CREATE TABLE contacts (
        session_id text NOT NULL,
        jid text NOT NULL,
        value bytea NOT NULL,
        blocked boolean NOT NULL DEFAULT false,
        PRIMARY KEY (session_id, jid)
    )
"""


def upgrade() -> None:
    """Make it; nobody tries to compress what is encrypted."""
    op.execute(_TABLE)
    op.execute("CREATE INDEX contacts_blocked ON contacts (session_id, jid) WHERE blocked")
    op.execute("ALTER TABLE contacts ALTER COLUMN value SET STORAGE EXTERNAL")
