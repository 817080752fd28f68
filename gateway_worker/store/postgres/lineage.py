"""Whether a database is the continuation of the one that was worked on before. Pure.

A database that went back in time (a dump, point-in-time recovery, an old disk, a replica that was behind) looks like
any other: ratchets are reused, numbers of events told twice. So its *standing* is also written down outside of it, in
a *mark*, and before the first socket opens the two are compared:

- its **identity** is physical: system identifier and timeline of the cluster, oid of the database and of a table, the
  transaction that wrote a row of it. A dump that is restored differs in the last three, wherever it goes and however
  young it is; recovery to a point in time, and a promoted replica, begin a new timeline;
- its **position** is that of the write-ahead log: the image of a disk has the same identity, and is behind.

Nothing of it is written anew all the time, so there is no order of two writes that a crash could tear apart.

The database has a *number*, which rises whenever it was found to have gone back. Each session's row carries the number
under which it may connect: until it was renewed (see `renewal.py`), it is behind.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

SEQUENCE_STEP: Final = 10**9
"""More than a session tells between two marks, or two snapshots."""

EPOCH_STEP: Final = 2**16
"""More owners than a session has between two of them; so small that it stays below 2³¹ for 16,000 restores."""

_FORMAT: Final = 1


def beyond(number: int, step: int) -> int:
    """More than a step further on: where to continue when nobody knows what was used since."""
    return (number // step + 2) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class LineagePosition:
    """A database at a moment.

    Attributes:
        number: how often it was found to have gone back.
        sequence, epoch: the highest of all its sessions, or what they go on from.
        position: bytes of write-ahead log on disk; None where the server does not say.
        identity: what is known of who it is, by name.
    """

    number: int
    sequence: int
    epoch: int
    position: int | None = None
    identity: Mapping[str, str] = field(default_factory=dict[str, str])

    def parted(self, mark: "LineagePosition") -> str | None:
        """Why this is not what the mark was taken of, later on; None: it is.

        A mark of a lower number was not yet replaced when the number rose: until it is, nothing is done.
        """
        if self.number != mark.number:
            return "restored before" if self.number < mark.number else None
        differ = sorted(name for name, value in mark.identity.items() if self.identity.get(name, value) != value)
        if differ:
            return f"another {', another '.join(differ)}"
        if self.position is not None and mark.position is not None and self.position < mark.position:
            return "an older write-ahead log"
        return None

    def to_mark(self) -> bytes:
        """The standing as it is written down outside."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, separators=(",", ":")).encode()


def read_mark(body: bytes) -> LineagePosition:
    """What `to_mark` wrote.

    Raises:
        ValueError: it is none.
    """
    try:
        document: dict[str, Any] = json.loads(body)
        if document.pop("format") == _FORMAT:
            return LineagePosition(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a mark of ours") from error
    raise ValueError("not a mark of ours: of another format")


def newest(marks: Iterable[LineagePosition]) -> LineagePosition | None:
    """The mark that counts, of those in several places: one may not have been within reach for a while."""
    return max(marks, key=lambda mark: (mark.number, mark.position or 0), default=None)
