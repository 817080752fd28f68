"""Who a person is by all the names that are known, and what may be done to whose message. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_GROUP: Final = "@g.us"


@dataclass(frozen=True, slots=True)
class Person:
    """This account, with whatever device (`is_me`), or somebody else by all names (JIDs) that are known."""

    is_me: bool
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, from_me: bool, *names: str | None) -> "Person":  # noqa: FBT001 (as the rows say it)
        """Whoever a row or a message names."""
        return ME if from_me else cls(False, frozenset(name for name in names if name))

    def is_same(self, other: "Person") -> bool:
        """Whether both are known to be one person: names of which nobody knows whose they are, are two persons."""
        return self.is_me == other.is_me and (self.is_me or not self.names.isdisjoint(other.names))


ME: Final = Person(True)


class Right(StrEnum):
    """Who may change a message so."""

    AUTHOR = "author"  # edit it
    AUTHOR_OR_ADMIN = "author or admin"  # delete it for everyone; admins in groups
    ANYONE = "anyone"  # of its chat: react to it, vote in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored message under the id that a change names."""

    number: int
    chat: str
    author: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody does to a message.

    Attributes:
        right: who may.
        by: who does.
        of: whose message it is, as the change itself says; None where it says nothing.
        by_admin: the group's admins are known, and this is one.
        chats: all names of the chat in which it is done.
    """

    right: Right
    by: Person
    of: Person | None
    by_admin: bool
    chats: Collection[str]


def is_group(chat: str) -> bool:
    """Whether it is a group's JID."""
    return chat.endswith(_GROUP)


def same_author(chat: str, one: Person, other: Person) -> bool:
    """Whether two messages of one chat are by one person: with a person there are but two who write."""
    return one.is_same(other) if is_group(chat) else one.is_me == other.is_me


def meant(attempt: Attempt, stored: Collection[Candidate]) -> Collection[Candidate] | None:
    """The messages on which it takes effect, one as a rule; None when it counts for nothing.

    It counts in the chat of its message alone, and from whom WhatsApp lets do it. About a message that is not stored,
    older than our history, it counts when its own words make it allowed: what lies under the id in another chat, or is
    somebody else's, is not that message.
    """
    here = [each for each in stored if each.chat in attempt.chats]
    if attempt.right is Right.ANYONE:
        return here if here or not stored else None
    of, by = attempt.of, attempt.by
    is_own = of is None or any(same_author(chat, of, by) for chat in attempt.chats)
    if not is_own and attempt.right is Right.AUTHOR_OR_ADMIN:
        others = [each for each in here if of is not None and same_author(each.chat, each.author, of)]
        if others or not stored:
            return others if attempt.by_admin else None
    own = [each for each in here if same_author(each.chat, each.author, by)]
    return own if own or (is_own and not stored) else None
