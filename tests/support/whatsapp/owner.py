"""An owner in memory: what PostgreSQL and the connection manager are to a connection, for tests of the engine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gateway_worker.whatsapp.facts import Fact, ReceiptsArrived
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, StoredEntry, StoredOriginal
from gateway_worker.whatsapp.outgoing import SentMessage
from gateway_worker.whatsapp.past import HistoryPart
from gateway_worker.whatsapp.port import Changes, KeyId

F = TypeVar("F", bound=Fact)


async def _at_once(_: Changes | Fact) -> None:
    """Store without delay."""


@dataclass(kw_only=True)
class MemoryOwner:
    """Implements `port.Owner`.

    `before_commit` and `before_tell` may delay or refuse a commit and a fact, `after_commit` keep its answer back.
    """

    before_commit: Callable[[Changes], Awaitable[None]] = _at_once
    after_commit: Callable[[Changes], Awaitable[None]] = _at_once
    before_notify: Callable[[Fact], Awaitable[None]] = _at_once
    credentials: bytes | None = None
    keys: dict[KeyId, bytes] = field(default_factory=dict[KeyId, bytes])
    entries: dict[EntryKey, Entry] = field(default_factory=dict[EntryKey, Entry])
    unprocessed: set[str] = field(default_factory=set[str])
    sent: dict[str, bytes] = field(default_factory=dict[str, bytes])
    facts: list[Fact] = field(default_factory=list[Fact])
    commits: list[Changes] = field(default_factory=list[Changes])
    history: list[HistoryPart] = field(default_factory=list[HistoryPart])
    loaded_entries: list[EntryKey] = field(default_factory=list[EntryKey])
    begun: list[str] = field(default_factory=list[str])
    untouchable: set[str] = field(default_factory=set[str])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def notify(self, fact: Fact) -> None:
        await self.before_notify(fact)
        self.facts += fact.receipts if isinstance(fact, ReceiptsArrived) else [fact]
        await self._notify()

    async def load_keys(self, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        return {key_id: self.keys[kind, key_id] for key_id in ids if (kind, key_id) in self.keys}

    async def load_entry(self, key: EntryKey) -> bytes | None:
        self.loaded_entries.append(key)
        entry = self.entries.get(key)
        return None if entry is None else entry.plaintext

    async def begin(self, name: str) -> bool:
        self.begun.append(name)
        return name not in self.untouchable

    async def load_unprocessed(self) -> Sequence[StoredEntry]:
        left = [entry for entry in self.entries.values() if entry.key.message_id in self.unprocessed]
        return [StoredEntry(key=entry.key, plaintext=entry.plaintext) for entry in left]

    async def load_sent(self, message_id: str, *, chat: str | None) -> SentMessage | None:  # noqa: ARG002 (no chats)
        plaintext = self.sent.get(message_id)
        return None if plaintext is None else SentMessage(plaintext=plaintext)

    async def load_originals(self, message_id: str, *, chat: str, author: str | None) -> Sequence[StoredOriginal]:  # noqa: ARG002
        plaintext = self.sent.get(message_id)
        return [] if plaintext is None else [StoredOriginal(plaintext=plaintext, authors=[], from_me=True)]

    async def store_history(self, part: HistoryPart) -> None:
        self.history.append(part)
        self.unprocessed.difference_update(part.processed)
        await self._notify()

    async def commit(self, changes: Changes) -> None:
        await self.before_commit(changes)
        self.commits.append(changes)
        if changes.credentials is not None:
            self.credentials = changes.credentials
        for key, value in changes.keys.items():
            if value is None:
                self.keys.pop(key, None)
            else:
                self.keys[key] = value
        for entry in changes.entries:
            self.entries.setdefault(entry.key, entry)
            if entry.unprocessed:
                self.unprocessed.add(entry.key.message_id)
        self.unprocessed.difference_update(changes.processed)
        self.sent.update(changes.sent)
        await self._notify()
        await self.after_commit(changes)

    def facts_of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def texts(self) -> list[str]:
        """The texts received, in the order they were stored."""
        messages = [entry.message for entry in self.entries.values() if isinstance(entry.message, ReceivedMessage)]
        return [getattr(message.content, "text", "") for message in messages]

    async def until(self, condition: Callable[[], bool], patience: float = 60.0) -> None:
        """Wait until something told or stored makes `condition` true."""
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(condition)

    async def next(self, kind: type[F], count: int = 1, patience: float = 60.0) -> F:
        """The `count`-th fact of a kind, waited for."""
        await self.until(lambda: len(self.facts_of(kind)) >= count, patience)
        return self.facts_of(kind)[count - 1]

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
