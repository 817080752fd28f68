"""What lies at WhatsApp's media host already, so that it is not uploaded twice.

Revision: 0007
"""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

_TABLE: Final = """
    CREATE TABLE uploads (
        session_id text NOT NULL,
        name text NOT NULL,
        value bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, name)
    )
"""


def upgrade() -> None:
    """Make it; nobody tries to compress what is encrypted."""
    op.execute(_TABLE)
    op.execute("ALTER TABLE uploads ALTER COLUMN value SET STORAGE EXTERNAL")
    op.execute("CREATE INDEX uploads_created ON uploads (created_at)")
