"""What a connection of ours tells PostgreSQL when it opens. Pure."""

from collections.abc import Sequence
from typing import Final

SERVER_SETTINGS: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "10s",  # a stopped worker holds no row when its lease runs out
    "tcp_keepalives_idle": "10",  # a lock held by a connection that was cut outlives the lease, but not by hours
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "plan_cache_mode": "force_generic_plan",  # planning our array statements costs more than running them
    "jit": "off",  # it costs more than any of our statements takes
    "timezone": "UTC",
}
# Our frequent statements find few rows by their keys. A generic plan is made once, maybe while the tables are still
# empty: reading them from end to end looks cheap then, and would be done at every call when they have grown.
BY_INDEX: Final = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}


def startup_parameters() -> Sequence[str]:
    """What a connection of ours says when it opens: a pooler must let it pass, or ignore it."""
    return sorted({**SERVER_SETTINGS, **BY_INDEX})
