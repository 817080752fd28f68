"""A column that nobody writes any more goes where an older 0001 made it: it would refuse every worker.

Revision: 0011
"""

from typing import Final

from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"


def upgrade() -> None:
    """Drop it, if it is there."""
    op.execute("ALTER TABLE workers DROP COLUMN IF EXISTS metrics")
