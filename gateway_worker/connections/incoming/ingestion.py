"""What arrives, made durable and told; what cannot be told as it should be is set aside, and the connection lives.

First everything goes into one transaction. If the store refuses something of it for its content, everything is told by
itself: what is refused then is kept as it came, and told as `unsupported`. The ratchet that decrypted it is stored
last: a crash in between lets WhatsApp send it again, and it is told once whatever it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from gateway_worker.connections.base.names import NamesOf
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.incoming.history import (
    finish_operations,
    history_operations,
    past_operations,
    people_operations,
)
from gateway_worker.connections.incoming.key_writes import key_operations
from gateway_worker.connections.incoming.messages import arrival
from gateway_worker.connections.incoming.setting_aside import (
    as_unreadable,
    fact_aside,
    is_storable,
    message_aside,
    past_aside,
    reason_of,
    storable,
)
from gateway_worker.connections.messages.joint_begins import JointBegins
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.people.contacts import KnownAuthors
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import OwnChats
from gateway_worker.store.errors import ContentRefused
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.store.operations.set_aside import EndStanzas, SetAside
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.incoming import Arrived, Entry, ReceivedMessage, TimerChanged, Unreadable
from gateway_worker.whatsapp.past import HistoryPart, PastMessage
from gateway_worker.whatsapp.port import Changes
from schemas.addresses import Jid
from schemas.commands.session_settings import MediaOptions
from schemas.content.content import SetAsideReason

_log = structlog.get_logger()

Operations = Sequence[Operation[Any]]
_BROKEN: Final = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)  # what content makes our code raise


@dataclass(frozen=True, slots=True)
class _Description:
    """How one entry is told. `message` is what a backend sees; None when it is set aside."""

    entry: Entry
    message: Arrived | None
    operations: Operations


class Ingestion:
    """Stores what one connection received."""

    def __init__(
        self,
        writer: Writer,
        *,
        identities: Identities,
        timers: Timers,
        begins: JointBegins,
        media: MediaOptions,
        clock: Clock,
        mappings: MappingForm,
        observer: SessionObserver,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._mappings = mappings
        self._observer = observer
        self._session_id = writer.fence.session_id
        self._identities = identities
        self._timers = timers
        self._begins = begins
        self._media = media
        self._known_authors = KnownAuthors()
        self._own_chats = OwnChats(identities)

    async def commit(self, changes: Changes) -> Sequence[Arrived]:
        """Make it durable; answers what was told as it should be."""
        now = self._clock.now()
        mappings = self._mappings.among(changes.keys)
        known = self._knowing(mappings)
        descriptions = await self._describe_all(changes, now, known)
        messages = [each.message for each in descriptions if each.message is not None]
        joins = [JoinChats(chats=mappings)] if mappings else []
        contacts = self._attempt("contacts", lambda: self._known_authors.learn(messages, self._identities, now))
        identity = [*key_operations(changes), *_ended(changes)]
        described = [operation for each in descriptions for operation in each.operations]
        owned = self._attempt("app_state", lambda: self._own_chats.operations(changes.state, now))
        operations = [*identity, *joins, *described, *contacts, *owned]
        if not operations:
            return ()
        # Before it is stored: what is begun meanwhile is stored after the chats were joined, and must not reopen one
        self._identities.learn(mappings)
        try:
            answers = await self._write_with_begins(changes, operations)
        except ContentRefused:
            descriptions = [await self._write_alone(each, now, known) for each in descriptions]
            for each in (*joins, *contacts, *owned):
                await self.write_or_drop(type(each).__name__, [each])
            await self._write_identity(changes)
        else:
            self._count(operations, answers)
            self._timers.learn(operations)
        return [each.message for each in descriptions if each.message is not None]

    async def _write_with_begins(self, changes: Changes, operations: Operations) -> tuple[Any, ...]:
        """Write `operations`; before them, in the same transaction, the begins of what leaves under these ratchets."""
        async with self._begins.taken(changes.sent) as begins:
            number = len(begins.operations)
            try:
                answers = await self._writer.write(*begins.operations, *operations)
            except ContentRefused:
                if number:  # whatever it is that is refused, a begin comes before its ratchet
                    begins.committed(await self._writer.write(*begins.operations))
                raise
            begins.committed(answers[:number])
            return answers[number:]

    async def history(self, part: HistoryPart) -> None:
        """Make a slice of the history durable."""
        now = self._clock.now()
        asides = [self._past_aside(each) for each in part.unreadable]
        try:
            timers = self._timers.listed(part.timers, now)
            past = await history_operations(self._session_id, part, self._identities, now)
            operations = [*asides, *past, *timers]
            if operations:
                self._count(operations, await self._writer.write(*operations))
                self._timers.learn(operations)
        except (ContentRefused, *_BROKEN):
            await self._history_apart(part, asides, now)

    async def _history_apart(self, part: HistoryPart, asides: Sequence[SetAside], now: datetime) -> None:
        """Every message by itself; at last that the part is complete."""
        for each in self._attempt("contacts", lambda: people_operations(part, self._identities, now)):
            await self.write_or_drop("contacts", [each])
        for message in part.messages:
            await self._write_past(message, now)
        for each in self._attempt("timers", lambda: self._timers.listed(part.timers, now)):
            await self.write_or_drop("timers", [each])
        if operations := [*asides, *finish_operations(self._session_id, part, now)]:
            self._count(operations, await self._writer.write(*operations))

    async def write_or_drop(self, fact: str, operations: Operations, payload: object = None) -> tuple[Any, ...] | None:
        """Write something that is not a message; what is refused for its content is kept aside, as `payload` has it."""
        try:
            return await self._writer.write_surely(*operations)
        except ContentRefused as error:
            await self.set_fact_aside(fact, reason_of(error), error, payload)
            return None

    async def set_fact_aside(
        self, fact: str, reason: SetAsideReason, error: BaseException | str, payload: object
    ) -> None:
        """Keep something that is not a message, or, without `payload`, only count it."""
        detail = error if isinstance(error, str) else _detail_of(error)
        if payload is None:
            self._noted(fact, reason.value, detail)
            return
        aside = fact_aside(self._session_id, fact, reason, detail, payload)
        self._count([aside], await self._writer.write_surely(aside))

    async def _describe_all(self, changes: Changes, now: datetime, known: NamesOf) -> list[_Description]:
        pace, descriptions = Pace(), list[_Description]()
        for each in changes.entries:
            if each.message is not None:
                descriptions.append(self._describe(each, now, known))
                await pace.breathe()
        return descriptions

    def _describe(self, entry: Entry, now: datetime, known: NamesOf) -> _Description:
        message = entry.message
        assert message is not None, "the others are not told"
        if isinstance(message, Unreadable):
            return self._aside(entry, message, now, known)
        try:
            if isinstance(message, TimerChanged):
                return _Description(entry, None, self._timers.changed(self._identities.completed_timer(message), now))
            completed = self._identities.completed(message)
            received = arrival(
                self._session_id,
                completed,
                now,
                self._media,
                names_of=known,
                entry=entry.key,
                opened=entry.opened,
            )
            timers = self._timers.timers_in(completed, now) if isinstance(completed, ReceivedMessage) else ()
            return _Description(entry, completed, [received, *timers])
        except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
            return self._aside(entry, as_unreadable(entry, SetAsideReason.FAILED, type(error).__name__), now, known)

    def _knowing(self, mappings: Mapping[str, str]) -> NamesOf:
        """All names, also those that are learnt only now, with the messages themselves."""
        fresh = {**mappings, **{pn: lid for lid, pn in mappings.items()}}

        def names_of(jid: str) -> frozenset[str]:
            known = self._identities.all_names(jid)
            return known if jid not in fresh else known | self._identities.all_names(fresh[jid])

        return names_of

    def _aside(self, entry: Entry, unreadable: Unreadable, now: datetime, known: NamesOf) -> _Description:
        sender = unreadable.sender
        lid, phone = self._identities.names_of(sender.jid, sender.lid, sender.phone)
        named = replace(
            unreadable,
            chat=self._identities.chat_of(Jid(unreadable.chat)),
            sender=replace(sender, lid=lid, phone=phone),
        )
        return _Description(entry, None, message_aside(self._session_id, entry, named, now, known))

    async def _write_alone(self, description: _Description, now: datetime, known: NamesOf) -> _Description:
        """By itself; set aside if it is this one that cannot be stored."""
        try:
            self._count(description.operations, await self._writer.write(*description.operations))
        except ContentRefused as error:
            if description.message is None:
                raise  # nothing is left of it that could be refused
            unreadable = as_unreadable(description.entry, reason_of(error), _detail_of(error))
            return await self._write_alone(self._aside(description.entry, unreadable, now, known), now, known)
        return description

    async def _write_identity(self, changes: Changes) -> None:
        """The ratchet, with what it decrypted. Names that no row can hold are left out: nothing would find them."""
        try:
            await self._writer.write(*key_operations(changes), *_ended(changes))
        except ContentRefused as error:
            kept = {key: value for key, value in changes.keys.items() if is_storable(*key)}
            entries = storable(changes.entries)
            lost = len(changes.keys) - len(kept) + len(changes.entries) - len(entries)
            if not lost:
                raise
            self._noted("keys", SetAsideReason.REFUSED.value, _detail_of(error))
            rest = replace(changes, keys=kept, entries=entries)
            await self._writer.write(*key_operations(rest), *_ended(rest))

    async def _write_past(self, past: PastMessage, now: datetime) -> None:
        try:
            await self._writer.write(*await past_operations(self._session_id, [past], self._identities, now))
        except (ContentRefused, *_BROKEN) as error:
            entry = Entry(key=past.entry.key, plaintext=past.entry.plaintext, message=past.message)
            reason = reason_of(error) if isinstance(error, ContentRefused) else SetAsideReason.FAILED
            aside = past_aside(self._session_id, entry, as_unreadable(entry, reason, _detail_of(error)))
            self._count([aside], await self._writer.write(aside))

    def _past_aside(self, entry: Entry) -> SetAside:
        assert isinstance(entry.message, Unreadable), "that is why it stands there"
        return past_aside(self._session_id, entry, entry.message)

    def _attempt(self, fact: str, work: Callable[[], Operations]) -> Operations:
        """What `work` makes; nothing, and it is counted, if a stranger's content makes it fail."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 (as above)
            self._noted(fact, SetAsideReason.FAILED.value, type(error).__name__)
            return ()

    def _count(self, operations: Operations, answers: Sequence[Any]) -> None:
        for operation, is_new in zip(operations, answers, strict=True):
            if isinstance(operation, SetAside) and is_new:
                self._noted(operation.fact, operation.reason, operation.detail, operation.id)

    def _noted(self, fact: str, reason: str, detail: str, id_: str | None = None) -> None:
        """What was set aside is in the log by its reason, and by the id under which a person finds it."""
        self._observer.set_aside(reason)
        _log.warning("content.set_aside", session=self._session_id, fact=fact, reason=reason, detail=detail, id=id_)


def _ended(changes: Changes) -> list[EndStanzas]:
    return [EndStanzas(names=changes.finished)] if changes.finished else []


def _detail_of(error: BaseException) -> str:
    """The class of what was behind it: its text may hold content."""
    return type(error.__cause__ or error).__name__
