"""The secret of a session with which the ids of its outgoing messages are derived. Pure.

It follows from the key of the session's contents, so it lives exactly as long: over crashes, moves, a new identity and
a change of the configured keys. Only a session that was restored into a database which knew nothing of it has one of
its own, from the snapshot: commands that come again still name the messages that had left before.
"""

from typing import Final

from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose, place
from gateway_worker.store.row import Row

COLUMN: Final = "message_secret"


def message_secret(row: Row, session_id: str, keyring: Keyring, ciphers: Ciphers) -> bytes | None:
    """Of a row with `content_key` and `message_secret`; None when it was destroyed."""
    if row["content_key"] is None:
        return None
    if row[COLUMN] is not None:
        return keyring.unseal(row[COLUMN], place(session_id, COLUMN))
    return bytes.fromhex(ciphers.of(session_id, Purpose.CONTENT, row["content_key"]).name(COLUMN))


def sealed(secret: bytes, session_id: str, keyring: Keyring) -> bytes:
    """For its column."""
    return keyring.seal(secret, place(session_id, COLUMN))
