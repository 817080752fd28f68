"""From rows to records."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from gateway_worker.store.postgres.encryption import Cipher, Ciphers, Purpose
from gateway_worker.store.records import (
    Carried,
    CausedBy,
    Desired,
    Direction,
    Json,
    MessageRecord,
    OutboxEvent,
    SessionRecord,
    Status,
    WorkerPhase,
    WorkerRecord,
)
from gateway_worker.store.row import Row

_STAMPS: Final = {
    Status.SENT: "sent_at",
    Status.DELIVERED: "delivered_at",
    Status.READ: "read_at",
    Status.PLAYED: "played_at",
    Status.FAILED: "failed_at",
}
_SAME_IN_SESSION: Final = (
    *("user_id", "state", "state_since", "retry_at", "purge", "owner", "incarnation", "epoch", "sequence"),
    *("generation", "applied_generation", "restart_generation", "leaving", "phone", "jid", "lid", "push_name"),
    "created_at",
)
_SAME_IN_MESSAGE: Final = (
    *("session_id", "message_id", "number", "chat", "sender", "recipient", "from_me", "kind", "about"),
    *("command_source", "command_id", "correlation_id", "attempts", "expires_at", "starred", "labels", "at"),
    "created_at",
)


def as_json(value: Any) -> Json | None:
    """A jsonb column's value, which asyncpg gives as text."""
    return None if value is None else json.loads(value)


def carried_of(row: Row) -> Carried:
    """What of a message's command comes back with what answers it."""
    return cast("Carried", as_json(row["carried"]) or {})


def settings_of(row: Row, cipher: Cipher) -> Mapping[str, Json]:
    """What `create` gave, as ``pairing``, ``options`` and ``limits``."""
    settings = json.loads(cipher.decrypt(row["settings"], "settings"))
    return {name: settings[name] for name in ("pairing", "options", "limits")}


def session_record(row: Row, ciphers: Ciphers) -> SessionRecord:
    """A row of `sessions` that is no tombstone."""
    cipher = ciphers.of(row["id"], Purpose.IDENTITY, row["identity_key"])
    return SessionRecord(
        session_id=row["id"],
        desired=Desired(row["desired"]),
        reason=as_json(row["reason"]),
        caused_by=CausedBy.of(as_json(row["caused_by"])),
        **settings_of(row, cipher),
        **{column: row[column] for column in _SAME_IN_SESSION},
    )


def message_record(row: Row, ciphers: Ciphers) -> MessageRecord:
    """A row of `messages` joined with its content and the session's content key."""
    cipher = ciphers.of(row["session_id"], Purpose.CONTENT, row["content_key"])
    return MessageRecord(
        direction=Direction(row["direction"]),
        content=json.loads(cipher.decrypt(row["content"], "content", row["message_id"])),
        status=Status(row["status"]),
        statuses={status: row[column] for status, column in _STAMPS.items() if row[column] is not None},
        error=as_json(row["error"]),
        **{column: row[column] for column in _SAME_IN_MESSAGE},
    )


def outbox_event(row: Row, ciphers: Ciphers) -> OutboxEvent:
    """A row of `outbox` joined with the session's content key."""
    cipher = ciphers.of(row["session_id"], Purpose.CONTENT, row["content_key"])
    payload = json.loads(cipher.decrypt(row["payload"], "outbox", str(row["sequence"])))
    return OutboxEvent(
        event_id=row["event_id"],
        session_id=row["session_id"],
        sequence=row["sequence"],
        epoch=row["epoch"],
        type=row["type"],
        time=row["created_at"],
        data=payload["data"],
        causation_id=payload["causation"],
        correlation_id=payload["correlation"],
        carried=payload["carried"],
    )


def worker_record(row: Row) -> WorkerRecord:
    """A row of `workers`."""
    same = ("incarnation", "endpoint", "max_sessions", "version", "started_at", "heartbeat_at", "lease_until")
    return WorkerRecord(
        worker_id=row["id"],
        status=WorkerPhase(row["status"]),
        **{column: row[column] for column in same},
    )
