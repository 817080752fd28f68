"""What a connection tells and asks: the engine's facts and key writes become writes under the session's epoch."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import datetime

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.signals import Signal
from gateway_worker.connections.base.times import instant
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.incoming.calls import call_arrival, call_end
from gateway_worker.connections.incoming.group_notifications import group_arrivals
from gateway_worker.connections.incoming.ingestion import Ingestion
from gateway_worker.connections.incoming.key_writes import key_operations
from gateway_worker.connections.incoming.messages import kind_of
from gateway_worker.connections.incoming.recalling import Recall
from gateway_worker.connections.incoming.vigilance import Vigilance
from gateway_worker.connections.messages.joint_begins import JointBegins
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.people.contacts import learnt_contacts, learnt_profile
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import OwnChats
from gateway_worker.store.errors import ContentRefused
from gateway_worker.store.operations.chats import UpdateChats
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.operations.receipts import AdvanceParticipant, AdvanceStatus
from gateway_worker.store.operations.timers import SetTimers
from gateway_worker.store.records import Status
from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.account import ProfileReported
from gateway_worker.whatsapp.errors import StoreRefused
from gateway_worker.whatsapp.facts import (
    CallArrived,
    CallEnded,
    Connected,
    Disconnected,
    Fact,
    FactUnreadable,
    Named,
    NewChatsTimed,
    Paired,
    PairingCode,
    PasskeyCode,
    PasskeyRequired,
    PresenceChanged,
    QrCode,
    ReceiptArrived,
    ReceiptKind,
    ReceiptsArrived,
    SendFailed,
)
from gateway_worker.whatsapp.groups import GroupNotification
from gateway_worker.whatsapp.incoming import EntryKey, ReceivedMessage, StoredEntry, StoredOriginal
from gateway_worker.whatsapp.outgoing import SentMessage
from gateway_worker.whatsapp.past import HistoryPart
from gateway_worker.whatsapp.people import ContactsReported
from gateway_worker.whatsapp.port import Changes, KeyId
from gateway_worker.whatsapp.timers import TimersReported
from schemas.addresses import Jid
from schemas.commands.session_settings import MediaOptions
from schemas.content.content import SetAsideReason
from schemas.errors import MessageRejectedByWhatsApp, Unavailable
from schemas.events.failures import Failure
from schemas.names import MessageId

LifeFact = QrCode | PairingCode | PasskeyRequired | PasskeyCode | Connected | Named | Disconnected | PresenceChanged

_Stored = CallArrived | CallEnded | GroupNotification | ContactsReported | ProfileReported | TimersReported

Advance = AdvanceStatus | AdvanceParticipant | UpdateChats

_STATUS = {
    ReceiptKind.DELIVERED: Status.DELIVERED,
    ReceiptKind.READ: Status.READ,
    ReceiptKind.PLAYED: Status.PLAYED,
}


OnLifeFact = Callable[[LifeFact], Awaitable[None]]
"""Acts on a fact of a connection's life."""


class Inbound:
    """The `Owner` of one connection of one epoch.

    What is not paired yet is not worth storing, and must not overwrite what is: until credentials arrive, keys stay in
    memory (at most one device's). Then both replace the old identity in one transaction, before the answer leaves that
    completes the pairing: WhatsApp never knows a device that we do not.
    """

    def __init__(
        self,
        writer: Writer,
        context: SessionContext,
        on_life_fact: OnLifeFact,
        *,
        identities: Identities,
        timers: Timers,
        paired: bool,
        vigilance: Vigilance,
        begins: JointBegins,
        media: MediaOptions | None = None,
    ) -> None:
        self._writer = writer
        self._session_id = writer.fence.session_id
        self._context = context
        self._on_life_fact = on_life_fact
        self._identities = identities
        self._timers = timers
        options = media or MediaOptions()
        self._ingestion = Ingestion(
            writer,
            identities=identities,
            timers=timers,
            begins=begins,
            media=options,
            clock=context.clock,
            mappings=context.mappings,
            observer=context.observer,
        )
        self._vigilance = vigilance
        self._own_chats = OwnChats(identities)
        self.was_refused = False  # the database was away, or somebody else owns the session
        self._recall = Recall(self._session_id, context.storage.keys, context.storage.messages, identities)
        self._staged = None if paired else _Staged()
        self._unstaging = asyncio.Lock()
        self._closed = False
        self._under_way = 0
        self._idle = Signal()

    async def close(self) -> None:
        """Take nothing more, and wait for what is under way: the next connection must read what this one wrote."""
        self._closed = True
        while self._under_way:
            await self._idle.next()

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[None]:
        self._under_way += 1
        try:
            with self._asking():
                yield
        finally:
            self._under_way -= 1
            self._idle.fire()

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Notes that the database was away: that a connection ends over this speaks against no stanza."""
        try:
            yield
        except Unavailable:
            self.was_refused = True
            raise

    async def notify(self, fact: Fact) -> None:
        """A fact, in order, one at a time."""
        async with self._working():
            match fact:
                case ReceiptArrived():
                    await self._receipts([fact])
                case ReceiptsArrived():
                    await self._receipts(fact.receipts)
                case SendFailed():
                    await self._refused(fact)
                case CallArrived() | CallEnded() | GroupNotification() | ContactsReported():
                    await self._store_fact(fact)
                case ProfileReported() | TimersReported():
                    await self._store_fact(fact)
                case FactUnreadable():
                    reason = SetAsideReason.FAILED
                    await self._ingestion.set_fact_aside(fact.fact, reason, fact.detail, fact.payload)
                case NewChatsTimed():
                    self._timers.of_new_chats = fact.seconds
                case _ if self._closed:
                    return
                case Paired():
                    pass  # its credentials came before
                case _:
                    await self._on_life_fact(fact)

    async def load_keys(self, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Stored keys; ids that are not stored are missing from the answer."""
        if self._staged is not None:
            return self._staged.load(kind, ids)
        with self._asking():
            return await self._context.storage.keys.load(self._session_id, kind, ids)

    async def load_entry(self, key: EntryKey) -> bytes | None:
        """The plaintext of an `Entry` stored earlier (a redelivered stanza must not touch the ratchet again)."""
        with self._asking():
            return await self._context.storage.keys.entry(
                self._session_id, chat=key.chat, sender=key.sender, message_id=key.message_id, index=key.index
            )

    async def begin(self, name: str) -> bool:
        """A stanza is about to be handled that waited while we were away; asked where `OpenRequest.careful`."""
        async with self._working():
            return await self._vigilance.begin(name)

    async def load_unprocessed(self) -> Sequence[StoredEntry]:
        """What an earlier connection confirmed and did not live to act on, oldest first; asked after each login."""
        with self._asking():
            found = await self._context.storage.keys.unprocessed(self._session_id)
        return [
            StoredEntry(
                key=EntryKey(chat=each.chat, sender=each.sender, message_id=each.message_id, index=each.index),
                plaintext=each.plaintext,
            )
            for each in found
        ]

    async def load_sent(self, message_id: str, *, chat: str | None) -> SentMessage | None:
        """A message of ours, to be sent again to who could not read it; None also for what was deleted since."""
        with self._asking():
            return await self._recall.sent(MessageId(message_id), chat)

    async def load_originals(self, message_id: str, *, chat: str, author: str | None) -> Sequence[StoredOriginal]:
        """The messages of a chat under an id, a few at most; of `author` first (as in `ReceivedChange`)."""
        with self._asking():
            return await self._recall.originals(MessageId(message_id), chat, author)

    async def commit(self, changes: Changes) -> None:
        """Make `changes` durable, atomically, under the owner's epoch. Raises when refused: the engine then closes."""
        if self._closed:
            raise StoreRefused("this connection is over")
        if self._staged is not None:
            async with self._working():
                if await self._stage(self._staged, changes):
                    return
        async with self._working():
            arrived = await self._ingestion.commit(changes)
            self._vigilance.finished(changes.finished)
        self._context.snapshots.stored(self._writer.fence, changes)
        for message in arrived:
            self._context.observer.message_received(kind_of(message))
        if any(isinstance(message, ReceivedMessage) and message.file is not None for message in arrived):
            self._context.media.arrived(self._session_id)

    async def store_history(self, part: HistoryPart) -> None:
        """Make a slice of the history durable, as `commit` does. It may come again after a crash."""
        if self._closed:
            raise StoreRefused("this connection is over")
        async with self._working():
            await self._ingestion.history(part)

    async def _stage(self, staged: "_Staged", changes: Changes) -> bool:
        """Take what a new device wrote; False when its pairing was stored meanwhile."""
        async with self._unstaging:
            if self._staged is None:
                return False
            staged.keep(changes)
            self._identities.learn(self._context.mappings.among(changes.keys))
            if changes.credentials is not None:
                await self._writer.write(DropCredentials(), *key_operations(staged.changes()))
                self._staged = None
            return True

    async def _receipts(self, receipts: Sequence[ReceiptArrived]) -> None:
        """Store them in one transaction; those that cannot be stored are left out, and counted."""
        now = self._context.clock.now()
        pace, advances = Pace(), list[tuple[ReceiptKind, Advance]]()
        for receipt in receipts:
            for each in self._advances(receipt, now):
                advances.append((receipt.kind, each))
                await pace.breathe()
        if not advances:
            return
        try:
            moved = await self._writer.write_surely(*(each for _, each in advances))
        except ContentRefused:
            for kind, each in advances:
                self._count(kind, await self._ingestion.write_or_drop("receipt", [each]))
        else:
            for (kind, _), each in zip(advances, moved, strict=True):
                self._count(kind, [each])

    def _count(self, kind: ReceiptKind, moved: Sequence[object] | None) -> None:
        observer = self._context.observer
        (observer.receipt_stored if moved and moved[0] else observer.receipt_ignored)(kind)

    def _advances(self, receipt: ReceiptArrived, now: datetime) -> Iterator[Advance]:
        """One step for each of its messages; in groups it is one participant's, under the one name of that person."""
        at = instant(receipt.timestamp, now)
        if receipt.kind is ReceiptKind.READ_ELSEWHERE:
            yield self._own_chats.read_elsewhere(receipt.chat, receipt.message_ids, at)
            return
        status, ids = _STATUS[receipt.kind], [MessageId(each) for each in receipt.message_ids]
        if receipt.participant is None:
            chats = self._identities.all_names(receipt.chat)
            yield from (AdvanceStatus(message_id=each, status=status, at=at, chat_names=chats) for each in ids)
            return
        who = self._identities.chat_of(Jid(receipt.participant))
        lid = self._identities.lid_of(who)
        group = receipt.chat
        for each in ids:
            yield AdvanceParticipant(message_id=each, chat=group, participant=who, lid=lid, status=status, at=at)

    async def _store_fact(self, fact: _Stored) -> None:
        """All in one transaction; if something in it cannot be stored, each by itself."""
        name = type(fact).__name__
        try:
            operations = await self._operations(fact)
        except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
            await self._ingestion.set_fact_aside(name, SetAsideReason.FAILED, error, asdict(fact))
            return
        if not operations:
            return
        try:
            await self._writer.write_surely(*operations)
        except ContentRefused:
            for each in operations:
                await self._ingestion.write_or_drop(name, [each], asdict(each))
        else:
            self._timers.learn(operations)

    async def _operations(self, fact: _Stored) -> Sequence[ReceiveMessage | LearnContacts | SetTimers]:
        now = self._context.clock.now()
        match fact:
            case CallArrived():
                return [call_arrival(self._session_id, fact, now)]
            case CallEnded():
                return [call_end(self._session_id, fact, now)]
            case GroupNotification():
                return [*await group_arrivals(self._session_id, fact, now), *self._timers.of_group(fact, now)]
            case TimersReported():
                return self._timers.listed(fact.timers, now)
            case ContactsReported():
                return learnt_contacts(fact, self._identities, now)
            case ProfileReported():
                return [learnt_profile(fact, now)]

    async def _refused(self, failure: SendFailed) -> None:
        error = Failure.of(MessageRejectedByWhatsApp(failure.code)).to_data()
        operation = AdvanceStatus(
            message_id=MessageId(failure.message_id), status=Status.FAILED, at=self._context.clock.now(), error=error
        )
        await self._writer.write_surely(operation)


class _Staged:
    """The credentials and keys of a device that is not paired yet."""

    def __init__(self) -> None:
        self._credentials: bytes | None = None
        self._keys: dict[KeyId, bytes] = {}

    def keep(self, changes: Changes) -> None:
        if changes.credentials is not None:
            self._credentials = changes.credentials
        for key, value in changes.keys.items():
            if value is None:
                self._keys.pop(key, None)
            else:
                self._keys[key] = value

    def load(self, kind: str, ids: Sequence[str]) -> dict[str, bytes]:
        return {each: self._keys[kind, each] for each in ids if (kind, each) in self._keys}

    def changes(self) -> Changes:
        return Changes(credentials=self._credentials, keys=self._keys)
