"""What the store can raise. The rest of the program never sees a driver's error.

::

    Unavailable (schemas.errors; disposition RETRY)
    ├── StoreUnavailable        the database is away, overloaded, or too slow: the same call may succeed later
    │   ├── DatabaseRefused     it does not let us in: user, password or database are wrong
    │   ├── DatabaseFull        all its connections are others'
    │   └── DatabaseReadOnly    it answers, and takes no writes
    └── StaleEpoch              another worker owns the session now (or it is deleted): nothing was written
    StoreError                  everything else: not repeated by itself
    ├── ContentRefused          a value cannot be stored, whenever it is tried: it is the content's fault
    │   └── EventTooLarge       an event would be larger than the contract lets it be
    ├── SchemaMismatch          the database's schema is not the one this program was written for
    ├── DatabaseTooOld          the server is older than what we ask of it
    ├── DatabasePooled          a pooler stands before what needs a session of its own, or forgets prepared statements
    ├── WorkerIdTaken           a live worker already uses this worker id
    ├── WentBack                the database is not the one that this worker began with: it must begin anew
    ├── EventsUnpublished       a purge would make events unreadable that are still to be published
    ├── SnapshotInvalid         an object is no snapshot that this program can read
    ├── RestoreRefused          the database holds something that a restore would destroy or bring back
    └── EncryptionError
        ├── KeyUnavailable      no configured key can unwrap a data key
        └── Tampered            a stored value does not authenticate
"""

from schemas.errors import Unavailable


class StoreUnavailable(Unavailable):
    """The database did not answer, or not in time. Nothing of the call was written; the same call may succeed later.

    Attributes:
        at: the address that was asked, where that is one past the pooler.
    """

    at: str | None = None


class DatabaseRefused(StoreUnavailable):
    """The database does not let us in. While a worker runs that is waited out: credentials may be about to change.

    Attributes:
        why: the server's own words, for operators: they name a user or a database.
    """

    def __init__(self, why: str) -> None:
        super().__init__("The database is not available.")
        self.why = why


class DatabaseFull(StoreUnavailable):
    """The database has no connection left for us. While a worker runs that is waited out."""

    def __init__(self) -> None:
        super().__init__("The database has no connection left: see its max_connections, and who holds them.")


class DatabaseReadOnly(StoreUnavailable):
    """The database answers, and takes no writes: a former primary, say. While a worker runs that is waited out."""

    def __init__(self) -> None:
        super().__init__("The database takes no writes: it is a replica, or default_transaction_read_only is on.")


class StaleEpoch(Unavailable):
    """The fence does not hold: the session has another owner by now, or is gone. Nothing of the call was written."""


class StoreError(Exception):
    """Something the store could not do, and would not be able to do if asked again."""


class ContentRefused(StoreError):  # noqa: N818 (reads as the fact it is)
    """What was to be written cannot be: too large for an index, out of range, not a text, or we could not encode it."""


class EventTooLarge(ContentRefused):
    """An event would be larger than 1 MiB."""


class SchemaMismatch(StoreError):  # noqa: N818 (reads as the fact it is)
    """The database's schema is older or newer than this program, or missing."""


class DatabaseTooOld(StoreError):  # noqa: N818 (reads as the fact it is)
    """The server cannot do what we ask. The text says which is needed."""


class DatabasePooled(StoreError):  # noqa: N818 (reads as the fact it is)
    """A pooler is in the way. The text is one line, and names the setting."""


class WorkerIdTaken(StoreError):  # noqa: N818 (reads as the fact it is)
    """A live worker already uses this worker id."""


class WentBack(StoreError):  # noqa: N818 (reads as the fact it is)
    """The database is not the continuation of the one that this worker began with."""


class EventsUnpublished(StoreError):  # noqa: N818 (reads as the fact it is)
    """Purging now would destroy the key of events that no backend has seen yet."""


class SnapshotInvalid(StoreError):  # noqa: N818 (reads as the fact it is)
    """An object is not a snapshot, or one of a format that this program does not know."""


class RestoreRefused(StoreError):  # noqa: N818 (reads as the fact it is)
    """The session is there already, belongs to somebody else, or was deleted. The text says what to do."""


class EncryptionError(StoreError):
    """A stored value cannot be read."""


class KeyUnavailable(EncryptionError):  # noqa: N818 (reads as the fact it is)
    """None of the configured keys is the one a value was sealed with."""


class Tampered(EncryptionError):  # noqa: N818 (reads as the fact it is)
    """A stored value does not authenticate: it was changed, or moved to another row or column."""
