"""What a session is made of: each part given what it needs of the worker's ports, and no more."""

from dataclasses import dataclass
from typing import Protocol

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.groups.groups import GroupCommands
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.states import LIVE
from gateway_worker.connections.media.session import SessionMedia
from gateway_worker.connections.messages.ids import MessageIds
from gateway_worker.connections.messages.joint_begins import JointBegins
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.outgoing.quota import Quota
from gateway_worker.connections.outgoing.sending import OutgoingSender
from gateway_worker.connections.outgoing.typing_indicator import Typing
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.session.chat_commands import ChatCommands
from gateway_worker.connections.session.chat_states import ChatStateCommands
from gateway_worker.connections.session.departure import Departure
from gateway_worker.connections.session.immediate import ImmediateCommands
from gateway_worker.connections.session.intake import IntakeController
from gateway_worker.connections.session.labels import LabelCommands
from gateway_worker.connections.session.own_account import OwnAccountCommands
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.connections.socket.connector import Connector
from gateway_worker.connections.socket.presences import Presences
from gateway_worker.connections.socket.waiting import ConnectionWaiter
from gateway_worker.store.records import SessionRecord


class Host(ConnectionWaiter, Protocol):
    """The session, as its parts see it."""

    @property
    def jid(self) -> str | None:
        """The paired account's JID."""
        ...

    def proxy(self) -> str | None:
        """Where its connections go through."""
        ...

    def usable(self) -> ConnectionAttempt | None:
        """Its connection, where it can be used."""
        ...

    def is_awaited(self) -> bool:
        """Whether commands wait for a connection."""
        ...

    def fence_off(self) -> None:
        """Another worker owns it."""
        ...

    def wake(self) -> None:
        """Something happened: have its loop look again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParts:
    """The parts of one session; each is described where it stands."""

    writer: Writer
    lifecycle: Lifecycle
    identities: Identities
    timers: Timers
    presences: Presences
    connector: Connector
    sender: OutgoingSender
    immediate: ImmediateCommands
    groups: GroupCommands
    chats: ChatCommands
    chat_states: ChatStateCommands
    labels: LabelCommands
    own_account: OwnAccountCommands
    media: SessionMedia
    intake: IntakeController
    departure: Departure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What several parts hold together."""

    writer: Writer
    lifecycle: Lifecycle
    identities: Identities
    timers: Timers
    resolver: Resolver
    ids: MessageIds
    originals: Originals
    begins: JointBegins


def quota_of(record: SessionRecord, writer: Writer, context: SessionContext) -> Quota:
    """How much the session may send, as its row has it now."""
    return Quota(
        record,
        writer,
        brakes=context.brakes,
        cache=context.cache,
        clock=context.clock,
        rng=context.rng,
        storage=context.storage,
    )


def assemble(record: SessionRecord, context: SessionContext, session: Host) -> SessionParts:
    """Make the parts of a session. `session` is asked later; nothing of it is needed yet."""
    shared = _shared(record, context, session)
    presences = Presences(
        record.session_id, session.usable, shared.resolver, announcer=context.announcer, clock=context.clock
    )
    connector = Connector(
        shared.lifecycle,
        shared.writer,
        context,
        session.wake,
        presences=presences,
        identities=shared.identities,
        timers=shared.timers,
        begins=shared.begins,
        careful=record.state in LIVE,  # whoever owned it before told no end
    )
    immediate, groups, chats = _commands(context, session, shared)
    states = ChatStateCommands(
        record.session_id,
        immediate,
        context.storage,
        identities=shared.identities,
        originals=shared.originals,
        resolver=shared.resolver,
    )
    return SessionParts(
        writer=shared.writer,
        lifecycle=shared.lifecycle,
        identities=shared.identities,
        timers=shared.timers,
        presences=presences,
        connector=connector,
        sender=_sender(record, context, session, shared),
        immediate=immediate,
        groups=groups,
        chats=chats,
        chat_states=states,
        labels=LabelCommands(record.session_id, states, context.storage.labels),
        own_account=OwnAccountCommands(
            record.session_id,
            immediate,
            states,
            resolver=shared.resolver,
            files=context.files,
            messages=context.storage.messages,
        ),
        media=_media(context, session, shared),
        intake=IntakeController(
            record.session_id,
            session.is_awaited,
            shared.lifecycle.changed,
            clock=context.clock,
            queues=context.queues,
            timeouts=context.timeouts,
        ),
        departure=Departure(shared.lifecycle, connector, context, epoch=record.epoch),
    )


def _shared(record: SessionRecord, context: SessionContext, session: Host) -> _Shared:
    writer = Writer(record.fence, context.storage, session.fence_off)
    lifecycle = Lifecycle(record, writer, announcer=context.announcer, clock=context.clock, worker_id=context.worker_id)
    identities = Identities(context.mappings)
    return _Shared(
        writer=writer,
        lifecycle=lifecycle,
        identities=identities,
        timers=Timers(record.session_id, identities, lambda: (session.jid, lifecycle.lid)),
        resolver=Resolver(writer, identities),
        ids=MessageIds(record.session_id, context.storage.messages),
        originals=Originals(record.session_id, context.storage.messages, identities, lambda: session.jid),
        begins=JointBegins(),
    )


def _sender(record: SessionRecord, context: SessionContext, session: Host, shared: _Shared) -> OutgoingSender:
    return OutgoingSender(
        shared.writer,
        session,
        ids=shared.ids,
        quota=quota_of(record, shared.writer, context),
        typing=Typing(record, rng=context.rng),
        identities=shared.identities,
        originals=shared.originals,
        timers=shared.timers,
        resolver=shared.resolver,
        begins=shared.begins,
        clock=context.clock,
        files=context.files,
        observer=context.observer,
        storage=context.storage,
        timeouts=context.timeouts,
    )


def _commands(
    context: SessionContext, session: Host, shared: _Shared
) -> tuple[ImmediateCommands, GroupCommands, ChatCommands]:
    immediate = ImmediateCommands(
        shared.writer,
        session,
        identities=shared.identities,
        resolver=shared.resolver,
        clock=context.clock,
        storage=context.storage,
        timeouts=context.timeouts,
    )
    groups = GroupCommands(session, clock=context.clock, timeouts=context.timeouts)
    chats = ChatCommands(
        shared.writer,
        immediate,
        groups,
        ids=shared.ids,
        identities=shared.identities,
        resolver=shared.resolver,
        timers=shared.timers,
        clock=context.clock,
    )
    return immediate, groups, chats


def _media(context: SessionContext, session: Host, shared: _Shared) -> SessionMedia:
    return SessionMedia(
        shared.writer,
        session,
        session.proxy,
        shared.originals,
        clock=context.clock,
        jobs=context.media,
        observer=context.observer,
        rng=context.rng,
        storage=context.storage,
        timeouts=context.timeouts,
    )
