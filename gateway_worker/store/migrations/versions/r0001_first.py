"""The first schema.

Revision: 0001
"""

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

_TABLES: Final = (
    """
    CREATE TABLE sessions (
        id text PRIMARY KEY,
        user_id text NOT NULL,
        state text NOT NULL,
        state_since timestamptz NOT NULL,
        reason jsonb,
        retry_at timestamptz,
        desired text NOT NULL,
        generation bigint NOT NULL DEFAULT 1,
        applied_generation bigint NOT NULL DEFAULT 0,
        restart_generation bigint NOT NULL DEFAULT 0,
        purge boolean NOT NULL DEFAULT false,
        caused_by jsonb,
        owner text,
        incarnation text,
        epoch bigint NOT NULL DEFAULT 0,
        sequence bigint NOT NULL DEFAULT 0,
        lineage bigint NOT NULL DEFAULT 0,
        phone text,
        jid text,
        lid text,
        push_name text,
        settings bytea,
        identity_key bytea,
        content_key bytea,
        message_secret bytea,
        usage_from timestamptz,
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
    ) WITH (fillfactor = 60)
    """,
    "CREATE INDEX sessions_owner ON sessions (owner, id) WHERE deleted_at IS NULL",
    "CREATE INDEX sessions_user ON sessions (user_id, id) WHERE deleted_at IS NULL",
    "CREATE INDEX sessions_wished ON sessions (id) WHERE generation > applied_generation AND deleted_at IS NULL",
    """
    CREATE TABLE lineage (
        number bigint NOT NULL,
        sequence bigint NOT NULL,
        epoch bigint NOT NULL,
        since timestamptz NOT NULL
    )
    """,
    "INSERT INTO lineage (number, sequence, epoch, since) VALUES (0, 0, 0, now())",
    """
    CREATE TABLE credentials (
        session_id text PRIMARY KEY,
        value bytea NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE keys (
        session_id text NOT NULL,
        kind text NOT NULL,
        id text NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (session_id, kind, id)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE entries (
        session_id text NOT NULL,
        message_id text NOT NULL,
        sender text NOT NULL,
        chat text NOT NULL,
        index integer NOT NULL,
        visible boolean NOT NULL,
        value bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, message_id, sender, chat, index, created_at)
    ) PARTITION BY RANGE (created_at)
    """,
    """
    CREATE TABLE timers (
        session_id text NOT NULL,
        chat text NOT NULL,
        seconds integer NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, chat)
    )
    """,
    """
    CREATE TABLE chats (
        session_id text NOT NULL,
        chat text NOT NULL,
        last_at timestamptz NOT NULL,
        last_message text,
        last_number integer,
        unread bigint NOT NULL DEFAULT 0,
        marked_unread boolean NOT NULL DEFAULT false,
        archived boolean NOT NULL DEFAULT false,
        pinned_at timestamptz,
        muted_until bigint NOT NULL DEFAULT 0,
        told_as text,
        labels text NOT NULL DEFAULT '',
        PRIMARY KEY (session_id, chat)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX chats_newest ON chats (session_id, last_at, chat)",
    "CREATE INDEX chats_archived ON chats (session_id, last_at, chat) WHERE archived",
    """
    CREATE TABLE labels (
        session_id text NOT NULL,
        label_id text NOT NULL,
        value bytea,
        PRIMARY KEY (session_id, label_id)
    )
    """,
    """
    CREATE TABLE messages (
        session_id text NOT NULL,
        message_id text NOT NULL,
        number integer NOT NULL DEFAULT 0,
        direction text NOT NULL,
        chat text NOT NULL,
        sender text,
        recipient text,
        from_me boolean NOT NULL,
        entry text,
        kind text NOT NULL,
        command_source text,
        command_id text,
        correlation_id text,
        carried jsonb,
        status text NOT NULL,
        sent_at timestamptz,
        delivered_at timestamptz,
        read_at timestamptz,
        played_at timestamptz,
        failed_at timestamptz,
        error jsonb,
        attempts integer NOT NULL DEFAULT 0,
        epoch bigint NOT NULL,
        at timestamptz NOT NULL,
        kept boolean NOT NULL DEFAULT false,
        starred boolean NOT NULL DEFAULT false,
        labels text,
        expires_at timestamptz,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, message_id, number)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX messages_created ON messages (created_at)",
    "CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL AND NOT kept",
    "CREATE INDEX messages_begun ON messages (session_id, created_at) WHERE direction = 'outgoing'",
    """
    CREATE TABLE bodies (
        session_id text NOT NULL,
        message_id text NOT NULL,
        number integer NOT NULL DEFAULT 0,
        part text NOT NULL,
        value bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, message_id, number, part, created_at)
    ) PARTITION BY RANGE (created_at)
    """,
    """
    CREATE TABLE processed_commands (
        subject text NOT NULL,
        source text NOT NULL,
        id text NOT NULL,
        body_hash bytea NOT NULL,
        type text NOT NULL,
        done boolean NOT NULL DEFAULT false,
        attempts integer NOT NULL DEFAULT 1,
        reply bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (subject, source, id)
    )
    """,
    "CREATE INDEX processed_commands_created ON processed_commands (created_at)",
    """
    CREATE TABLE outbox (
        session_id text NOT NULL,
        sequence bigint NOT NULL,
        event_id text NOT NULL,
        type text NOT NULL,
        epoch bigint NOT NULL,
        payload bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, sequence, created_at)
    ) PARTITION BY RANGE (created_at)
    """,
    """
    CREATE TABLE outbox_marks (
        session_id text PRIMARY KEY,
        published bigint NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE user_limits (
        user_id text PRIMARY KEY,
        per_minute integer,
        per_day integer,
        taken_minute bigint NOT NULL DEFAULT 0,
        taken_day bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE user_messages (
        user_id text NOT NULL,
        span text NOT NULL,
        number bigint NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (user_id, span, number)
    )
    """,
    "CREATE INDEX user_messages_at ON user_messages (at)",
    """
    CREATE TABLE usage (
        session_id text NOT NULL,
        hour timestamptz NOT NULL,
        sent bigint NOT NULL,
        delivered bigint NOT NULL,
        read bigint NOT NULL,
        received bigint NOT NULL,
        bytes_received bigint NOT NULL,
        bytes_sent bigint NOT NULL,
        failed jsonb NOT NULL,
        PRIMARY KEY (session_id, hour)
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX usage_hour ON usage (hour)",
    """
    CREATE TABLE set_aside (
        session_id text NOT NULL,
        id text NOT NULL,
        fact text NOT NULL,
        reason text NOT NULL,
        detail text NOT NULL,
        message_id text NOT NULL,
        size bigint NOT NULL,
        value bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, id)
    )
    """,
    "CREATE INDEX set_aside_created ON set_aside (created_at)",
    """
    CREATE TABLE attempts (
        session_id text NOT NULL,
        name text NOT NULL,
        count integer NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (session_id, name)
    )
    """,
    "CREATE INDEX attempts_created ON attempts (created_at)",
    """
    CREATE TABLE workers (
        id text PRIMARY KEY,
        incarnation text NOT NULL,
        endpoint text NOT NULL,
        max_sessions integer NOT NULL,
        version text NOT NULL,
        keys text[] NOT NULL DEFAULT '{}',
        status text NOT NULL,
        started_at timestamptz NOT NULL,
        heartbeat_at timestamptz NOT NULL,
        lease_until timestamptz NOT NULL
    )
    """,
)

# What is encrypted does not compress: do not try. (In CREATE TABLE only since PostgreSQL 16.)
_ENCRYPTED: Final = {
    "credentials": "value",
    "keys": "value",
    "entries": "value",
    "bodies": "value",
    "outbox": "payload",
    "set_aside": "value",
}

_PARTITIONED: Final = ("entries", "bodies", "outbox")


def upgrade() -> None:
    """Make everything; the partitions by time are made by whoever begins to write."""
    for statement in _TABLES:
        op.execute(statement)
    for table, column in _ENCRYPTED.items():
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    for table in _PARTITIONED:
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
