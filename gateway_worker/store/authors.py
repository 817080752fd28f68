"""Who wrote a message, and whether another is by the same person. Pure."""

from typing import NamedTuple


class Author(NamedTuple):
    """`from_me`: this account, with whatever device; `sender`: the JID of others."""

    from_me: bool
    sender: str | None


def same_author(one: Author, other: Author) -> bool:
    """Whether two messages of one chat are by the same person."""
    if one.from_me or other.from_me:
        return one.from_me == other.from_me
    of_one, of_other = one.sender or "", other.sender or ""
    return of_one == of_other or of_one.rpartition("@")[2] != of_other.rpartition("@")[2]  # PN and LID of one person
