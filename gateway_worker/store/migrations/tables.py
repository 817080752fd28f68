"""The tables, as SQLAlchemy Core knows them. The migrations make them; a test holds the two together.

There are no foreign keys: every write of a session holds its row's lock, which already says that the session exists,
and a check per inserted row would cost more than the row. Nobody tries to compress encrypted columns (``STORAGE
EXTERNAL``). `sessions`, `keys` and `messages` leave room in their pages, so that their frequent updates touch no index.

What is large and only added to (`entries`, `bodies`, `outbox`, and `receipts` nearly so) lies in partitions by time,
which are dropped as a whole (`partitions.py`). PostgreSQL wants the time in their keys, so what makes a row unique is
said elsewhere: under the lock of the session an event gets a new number, a body and a receipt have the time of their
message, and an entry is looked for before. Decision 0010 has the figures, also for the tables that are not partitioned.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()
_BY_TIME = "RANGE (created_at)"


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    _time("state_since"),
    Column("reason", JSONB),
    _time("retry_at", nullable=True),
    Column("desired", Text, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default=text("1")),
    Column("applied_generation", BigInteger, nullable=False, server_default=text("0")),
    Column("restart_generation", BigInteger, nullable=False, server_default=text("0")),
    Column("purge", Boolean, nullable=False, server_default=text("false")),
    Column("caused_by", JSONB),  # the command of the last order, until that is fulfilled
    Column("owner", Text),
    Column("incarnation", Text),
    Column("leaving", Text),  # the worker that it is to leave; once `returns_at` is set, the one that it has left
    _time("returns_at", nullable=True),  # until then that worker must not have it back
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),  # the fencing token; never falls
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),  # of the last event; never falls
    Column("lineage", BigInteger, nullable=False, server_default=text("0")),  # see `lineage`; behind: to be renewed
    Column("phone", Text),
    Column("jid", Text),
    Column("lid", Text),
    Column("push_name", Text),
    Column("settings", LargeBinary),  # encrypted {pairing, options, limits}: a proxy's address carries its password
    Column("identity_key", LargeBinary),  # sealed data keys; NULL once destroyed
    Column("content_key", LargeBinary),
    Column("message_secret", LargeBinary),  # sealed; of a session restored from a snapshot alone: see message_secret.py
    _time("usage_from", nullable=True),  # hours before it were told: what is counted goes into no earlier one
    _time("created_at"),
    _time("deleted_at", nullable=True),  # set in a tombstone
)
Index("sessions_owner", sessions.c.owner, sessions.c.id, postgresql_where=sessions.c.deleted_at.is_(None))
Index("sessions_user", sessions.c.user_id, sessions.c.id, postgresql_where=sessions.c.deleted_at.is_(None))
Index(
    "sessions_wished",
    sessions.c.id,
    postgresql_where=text("generation > applied_generation AND deleted_at IS NULL"),
)

Index(
    "sessions_leaving",
    sessions.c.id,
    postgresql_where=text("leaving IS NOT NULL AND deleted_at IS NULL"),
)

lineage = Table(  # one row: whether this database went back in time, see `lineage.py`
    "lineage",
    metadata,
    Column("number", BigInteger, nullable=False),  # how often it did
    Column("sequence", BigInteger, nullable=False),  # from where new sessions go on
    Column("epoch", BigInteger, nullable=False),
    _time("since"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    _time("updated_at"),
)

keys = Table(
    "keys",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session_id", "kind", "id"),
)

entries = Table(  # decrypted parts of incoming stanzas: a redelivered stanza is answered from here
    "entries",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("index", Integer, nullable=False),
    Column("visible", Boolean, nullable=False),
    Column("unprocessed", Boolean, nullable=False, server_default=text("false")),  # the engine has still to act on it
    Column("value", LargeBinary, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "message_id", "sender", "chat", "index", "created_at"),
    postgresql_partition_by=_BY_TIME,
)
Index("entries_unprocessed", entries.c.session_id, postgresql_where=entries.c.unprocessed)

messages = Table(
    "messages",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    # Strangers choose their ids: under one there may be a message of ours, 0, and others, 1 and on, each of another
    # chat or sender. Which of them one is, is looked for before, under the lock of the session; it never changes.
    Column("number", Integer, nullable=False, server_default=text("0")),
    Column("direction", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("sender", Text),
    Column("recipient", Text),
    Column("from_me", Boolean, nullable=False),
    Column("entry", Text),  # chat and sender of its entry, by the names they had as it came, on a line each
    Column("kind", Text, nullable=False),
    Column("about", Text),  # the message that this one changes: edits it, revokes it, reacts to it, votes in it
    Column("command_source", Text),
    Column("command_id", Text),
    Column("correlation_id", Text),
    Column("carried", JSONB),
    Column("status", Text, nullable=False),
    _time("sent_at", nullable=True),
    _time("delivered_at", nullable=True),
    _time("read_at", nullable=True),
    _time("played_at", nullable=True),
    _time("failed_at", nullable=True),
    Column("error", JSONB),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("epoch", BigInteger, nullable=False),  # under which it was begun or received
    _time("at"),  # WhatsApp's time of an incoming one, ours of an outgoing one
    Column("kept", Boolean, nullable=False, server_default=text("false")),  # somebody keeps it from disappearing
    Column("starred", Boolean, nullable=False, server_default=text("false")),  # by this account, on whichever device
    Column("labels", Text),  # ids, with commas between them
    _time("expires_at", nullable=True),  # when it disappears: nobody reads it then; NULL again once its content is gone
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "message_id", "number"),
)
Index("messages_expiring", messages.c.expires_at, postgresql_where=text("expires_at IS NOT NULL AND NOT kept"))
Index("messages_created", messages.c.created_at)
Index("messages_chat", messages.c.session_id, messages.c.chat, messages.c.created_at, messages.c.message_id)
Index(
    "messages_about",
    messages.c.session_id,
    messages.c.about,
    messages.c.created_at,
    postgresql_where=messages.c.about.is_not(None),
)
Index(
    "messages_begun",
    messages.c.session_id,
    messages.c.created_at,
    postgresql_where=messages.c.direction == "outgoing",
)

bodies = Table(  # what is written once about a message and is large, apart from the row that its statuses rewrite
    "bodies",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("number", Integer, nullable=False, server_default=text("0")),  # its message's, as in `media`
    Column("part", Text, nullable=False),  # content: the contract's JSON; plaintext: the WAProto we sent
    Column("value", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("1")),  # of a plaintext: how often it was encrypted
    _time("created_at"),  # its message's
    PrimaryKeyConstraint("session_id", "message_id", "number", "part", "created_at"),
    postgresql_partition_by=_BY_TIME,
)

set_aside = Table(  # what could not be read, described or stored, as it came: not tried again by itself
    "set_aside",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("id", Text, nullable=False),  # a hash of what it is
    Column("fact", Text, nullable=False),  # message, history, group, call, receipts, contacts …
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),  # the class of the error
    Column("message_id", Text, nullable=False),  # under which it was told, if it was
    Column("size", BigInteger, nullable=False),  # bytes of it; more than are kept, where it was cut
    Column("value", LargeBinary, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "id"),
)
Index("set_aside_created", set_aside.c.created_at)

attempts = Table(  # stanzas that were begun after a process had died, and not finished: how often
    "attempts",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("name", Text, nullable=False),  # a hash of chat, sender and id
    Column("count", Integer, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "name"),
)
Index("attempts_created", attempts.c.created_at)

uploads = Table(  # what lies at WhatsApp's media host: the same file is not uploaded twice
    "uploads",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("name", Text, nullable=False),  # keyed hash of the file and its class
    Column("value", LargeBinary, nullable=False),  # encrypted: with it the file can be read
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "name"),
)
Index("uploads_created", uploads.c.created_at)

contacts = Table(  # what is known of people
    "contacts",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("jid", Text, nullable=False),  # the number's, where it is known, else the LID
    Column("value", LargeBinary, nullable=False),  # encrypted: the other address, names, status text, picture
    Column("blocked", Boolean, nullable=False, server_default=text("false")),  # by the account
    PrimaryKeyConstraint("session_id", "jid"),
)
Index("contacts_blocked", contacts.c.session_id, contacts.c.jid, postgresql_where=contacts.c.blocked)

labels = Table(  # of a business; one that was deleted keeps its id
    "labels",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("label_id", Text, nullable=False),
    Column("value", LargeBinary),  # encrypted: name and colour; NULL: it was deleted
    PrimaryKeyConstraint("session_id", "label_id"),
)

timers = Table(  # after how many seconds the messages of a chat go; no row, or 0: they stay; also chats that are listed
    "timers",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    _time("changed_at"),  # by WhatsApp's clock
    PrimaryKeyConstraint("session_id", "chat"),
)

chats = Table(  # one row for each chat that has messages, or of which something is set: they are listed from here
    "chats",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("chat", Text, nullable=False),
    _time("last_at"),  # `created_at` of its last message; 1970: none is known
    Column("last_message", Text),  # that message; NULL once it was deleted, or where none is known
    Column("last_number", Integer),
    Column("unread", BigInteger, nullable=False, server_default=text("0")),
    Column("marked_unread", Boolean, nullable=False, server_default=text("false")),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    _time("pinned_at", nullable=True),
    Column("muted_until", BigInteger, nullable=False, server_default=text("0")),  # Unix ms; -1: for ever; 0: it is not
    Column("told_as", Text),  # by which of its names the app state knows it
    Column("labels", Text, nullable=False, server_default=text("''")),  # ids, with commas between them
    PrimaryKeyConstraint("session_id", "chat"),
)
Index("chats_newest", chats.c.session_id, chats.c.last_at, chats.c.chat)
Index(  # few of very many
    "chats_archived", chats.c.session_id, chats.c.last_at, chats.c.chat, postgresql_where=chats.c.archived
)

receipts = Table(  # how far each participant of a group is with a message of ours
    "receipts",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("status", Text, nullable=False),
    _time("delivered_at", nullable=True),
    _time("read_at", nullable=True),
    _time("played_at", nullable=True),
    _time("created_at"),  # its message's
    PrimaryKeyConstraint("session_id", "message_id", "participant", "created_at"),
    postgresql_partition_by=_BY_TIME,
)

media = Table(  # files of messages that came in
    "media",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("number", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),  # pending, ready, failed, skipped
    Column("object", Text, nullable=False),  # its key in the media bucket, once it is there
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _time("next_try", nullable=True),  # while it is pending
    Column("value", LargeBinary, nullable=False),  # encrypted: where it lies at WhatsApp, what a backend is told of it
    Column("error", JSONB),  # {code, message, detail?} of one that failed
    _time("created_at"),  # its message's
    _time("stored_at", nullable=True),  # when it was put into the bucket
    PrimaryKeyConstraint("session_id", "message_id", "number"),
)
Index("media_due", media.c.session_id, media.c.next_try, postgresql_where=media.c.state == "pending")
Index("media_created", media.c.created_at)

media_removals = Table(  # sessions that were purged, until nothing of them is left in the media bucket
    "media_removals",
    metadata,
    Column("id", Text, primary_key=True),  # the session's
    _time("before"),  # when it was purged
    _time("due_at"),
    _time("last_at"),  # the removal at this time or later is the last
)

commands = Table(
    "processed_commands",
    metadata,
    Column("subject", Text, nullable=False),  # the session or worker; "" for the whole fleet
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("type", Text, nullable=False),
    Column("done", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("reply", LargeBinary),  # sealed
    _time("created_at"),
    PrimaryKeyConstraint("subject", "source", "id"),
)
Index("processed_commands_created", commands.c.created_at)

outbox = Table(  # append-only; what is published is told by outbox_marks
    "outbox",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("session_id", "sequence", "created_at"),
    postgresql_partition_by=_BY_TIME,
)

marks = Table(  # every event up to `published` has been confirmed by the broker
    "outbox_marks",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("published", BigInteger, nullable=False),
)

user_limits = Table(  # of all sessions of a user together
    "user_limits",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("per_minute", Integer),
    Column("per_day", Integer),
    Column("taken_minute", BigInteger, nullable=False, server_default=text("0")),  # the number of the last message
    Column("taken_day", BigInteger, nullable=False, server_default=text("0")),
)

user_messages = Table(  # those of a limited user's last minute and last day
    "user_messages",
    metadata,
    Column("user_id", Text, nullable=False),
    Column("span", Text, nullable=False),  # minute, day
    Column("number", BigInteger, nullable=False),
    _time("at"),
    PrimaryKeyConstraint("user_id", "span", "number"),
)
Index("user_messages_at", user_messages.c.at)

usage = Table(  # what each session did, by hour; a row goes when it is told (`usage.report.v1`)
    "usage",
    metadata,
    Column("session_id", Text, nullable=False),
    _time("hour"),
    Column("sent", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("read", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
    Column("bytes_sent", BigInteger, nullable=False),
    Column("failed", JSONB, nullable=False),  # code → how many
    PrimaryKeyConstraint("session_id", "hour"),
)
Index("usage_hour", usage.c.hour)

snapshots = Table(  # what the sessions bucket holds of a session: no row, or an old fingerprint, means: take one
    "snapshots",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _time("taken_at"),
)

snapshot_removals = Table(  # identities that are void, until nothing of them is left in the bucket
    "snapshot_removals",
    metadata,
    Column("id", Text, primary_key=True),  # the session's
    Column("through", BigInteger, nullable=False),  # what was taken up to this event of the session goes
    _time("due_at"),
    _time("last_at"),  # the removal at this time or later is the last
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incarnation", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("max_sessions", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("keys", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # names of its keys; the first seals
    Column("status", Text, nullable=False),
    _time("started_at"),
    _time("heartbeat_at"),
    _time("lease_until"),
)
