"""The connection manager: what the consumers ask of this worker's sessions, and of every session."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.ports import CapacityListener
from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.messages.ids import derive_message_id
from gateway_worker.connections.ownership.ownership import Ownership
from gateway_worker.connections.queries import Queries
from gateway_worker.connections.session.session import LiveSession
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import CausedBy, Desired, NewSession, SessionRecord, Status, UserLimit
from schemas.commands.commands import Command
from schemas.commands.messages import OutgoingCommand
from schemas.commands.session_settings import UserLimits
from schemas.commands.sessions import (
    CreateSession,
    DeleteSession,
    LogoutSession,
    MigrateSession,
    RestartSession,
)
from schemas.errors import (
    CommandConflict,
    FleetFull,
    GatewayError,
    MessageUnconfirmed,
    SessionNotFound,
)
from schemas.events.failures import Failure
from schemas.names import MessageId, SessionId, WorkerId

_DELETION_SECONDS = 15.0  # a create waits that long for a deletion under way
_DELETION_LOOK_SECONDS = 0.25


class ConnectionManager:
    """Owns this worker's sessions. A service: `run` restores and keeps them, `stop` gives them up in good order.

    Args:
        context: the ports of the sessions.
        incarnation: tells this run of the worker from its earlier ones.
        max_sessions: how many sessions it may own.
        capacity_changed: told at each change whether there is a free slot.

    Attributes:
        ownership: which sessions run here.
        queries: what can be asked of every session.
    """

    def __init__(
        self, context: SessionContext, *, incarnation: str, max_sessions: int, capacity_changed: CapacityListener
    ) -> None:
        self._context = context
        self.queries = Queries(context.storage, context.cache, context.clock, context.mappings)
        self.ownership = Ownership(
            context, incarnation=incarnation, max_sessions=max_sessions, capacity_changed=capacity_changed
        )

    async def run(self) -> None:
        """Restore the sessions, then keep them until `stop`."""
        await self.ownership.run()

    async def stop(self) -> None:
        """Close every connection, tell that, release the sessions; returns when it is done."""
        await self.ownership.stop()

    def take_no_more(self) -> None:
        """Claim no session from now on; idempotent."""
        self.ownership.take_no_more()

    def drain(self) -> None:
        """Take no more, and hand every session over as soon as another worker has room for it; idempotent."""
        self.ownership.drain()

    def recheck_ownership(self) -> None:
        """Have every session looked at again: what another worker wrote may have changed whose it is."""
        self.ownership.recheck_ownership()

    # --- what it holds ---

    def of(self, session_id: SessionId) -> LiveSession:
        """The session, if it lives here.

        Raises:
            SessionNotFound: it does not.
        """
        session = self.ownership.get(session_id)
        if session is None or session.retired:
            raise SessionNotFound
        return session

    @property
    def has_free_slot(self) -> bool:
        """Whether it takes another session now."""
        return self.ownership.has_free_slot

    async def fleet_is_full(self) -> bool:
        """Whether no worker has a free slot at this moment."""
        if self.has_free_slot:
            return False
        return not (await self._context.storage.moves.room(self._context.worker_id)).free

    def session_ids(self) -> Sequence[SessionId]:
        """The sessions it owns, in order."""
        return self.ownership.session_ids()

    def sessions_by_state(self) -> Mapping[State, int]:
        """How many of them are in which state."""
        return self.ownership.by_state()

    # --- commands ---

    async def create(self, command: Command[CreateSession]) -> None:
        """Make the session and connect it, or connect the one that exists; its queue exists when this returns.

        One that is live elsewhere stays there: its owner carries the order out. One that exists and that nobody has
        room for waits for room: its status says so.

        Raises:
            CommandConflict: it belongs to another user, or is just being deleted.
            FleetFull: it is new, and there is no free slot here.
        """
        await self.ownership.started.wait()
        data, sessions = command.data, self._context.storage.sessions
        known = await self._after_deletion(data.session_id)
        if known is None and not self.has_free_slot:
            raise FleetFull
        record = known or await sessions.create_or_get(_new_session(command))
        if record.user_id != data.user_id:
            raise CommandConflict("The session exists and belongs to another user.")
        if data.user_limits is not None:
            await self._context.storage.user_limits.put(data.user_id, _user_limit(data.user_limits))
        if known is not None:
            await self._update(data)
            await sessions.desire(data.session_id, Desired.CONNECTED, caused_by=CausedBy.by(command))
        await self._context.queues.declare(data.session_id)
        if (session := self.ownership.get(data.session_id)) is not None:
            session.notify_order()
        elif self.has_free_slot:  # else whoever has a slot takes it, or it waits for one
            await self.ownership.claim(data.session_id)

    async def owner(self, session_id: SessionId) -> WorkerId | None:
        """Which worker has it, None for nobody. Raises SessionNotFound."""
        if self.ownership.get(session_id) is not None:
            return self._context.worker_id
        return await self.queries.owner(session_id)

    async def restart(self, command: Command[RestartSession]) -> None:
        """Order a new connection with the same credentials. Raises SessionNotFound."""
        await self._desire(command, Desired.CONNECTED, restart=True)

    async def logout(self, command: Command[LogoutSession]) -> None:
        """Order the session to be unlinked. Raises SessionNotFound."""
        await self._desire(command, Desired.LOGGED_OUT)

    async def migrate(self, command: Command[MigrateSession]) -> None:
        """Order the session to move to another worker. Raises SessionNotFound."""
        ordered = await self._context.storage.moves.order_move(command.session_id, CausedBy.by(command))
        self._wake(command.session_id, ordered)

    async def delete(self, command: Command[DeleteSession]) -> None:
        """Order the session to be removed. Raises SessionNotFound."""
        await self._desire(command, Desired.DELETED, purge=command.data.purge)

    async def fail(self, command: Command[OutgoingCommand], error: GatewayError) -> bool:
        """It will not be sent: if it was accepted earlier, fail it (or leave what is settled), and answer True.

        What may have left fails as unconfirmed. Any worker may be asked; the owner's epoch is good enough a fence for a
        step that only ever goes forward.
        """
        storage, session_id = self._context.storage, command.session_id
        secret = await storage.messages.secret(session_id)
        if secret is None:
            return False
        message_id = derive_message_id(secret, command.key)
        session = self.ownership.get(session_id)
        while session is None or not session.is_sending(message_id):
            record = await storage.sessions.get(session_id)
            message = await storage.messages.get(session_id, message_id)
            if record is None or message is None:
                return False
            if message.is_final:
                return True
            started = await storage.messages.plaintext(session_id, message_id) is not None
            why = MessageUnconfirmed() if started else error
            try:
                await storage.commit(record.fence, self._failed(message_id, why))
            except StaleEpoch:
                continue  # it moved between reading and writing
            return True
        return True

    # --- inside ---

    async def _update(self, data: CreateSession) -> None:
        """A later create replaces what it gives, and leaves the rest."""
        given = data.model_fields_set
        await self._context.storage.sessions.update_options(
            data.session_id,
            pairing=data.pairing.to_data(),
            options=data.options.to_data() if "options" in given else None,
            limits=data.limits.to_data() if "limits" in given else None,
        )

    async def _desire(
        self, command: Command[Any], desired: Desired, *, restart: bool = False, purge: bool = False
    ) -> None:
        session_id, sessions = command.session_id, self._context.storage.sessions
        ordered = await sessions.desire(
            session_id, desired, restart=restart, purge=purge, caused_by=CausedBy.by(command)
        )
        self._wake(session_id, ordered)

    def _wake(self, session_id: SessionId, ordered: SessionRecord | None) -> None:
        """The order is written, if there is such a session: its owner is to look at it."""
        if ordered is None:
            raise SessionNotFound
        if (session := self.ownership.get(session_id)) is not None:
            session.notify_order()  # others learn of it through `watch`

    async def _after_deletion(self, session_id: SessionId) -> SessionRecord | None:
        """The session's row; one that is being deleted is given the time to be gone."""
        deadline = self._context.clock.monotonic() + _DELETION_SECONDS
        while True:
            record = await self._context.storage.sessions.get(session_id)
            if record is None or record.desired is not Desired.DELETED:
                return record
            if self._context.clock.monotonic() >= deadline:
                raise CommandConflict("The session is being deleted.")
            await asyncio.sleep(_DELETION_LOOK_SECONDS)

    def _failed(self, message_id: MessageId, error: GatewayError) -> AdvanceStatus:
        return AdvanceStatus(
            message_id=message_id,
            status=Status.FAILED,
            at=self._context.clock.now(),
            error=Failure.of(error).to_data(),
        )


def _user_limit(limits: UserLimits) -> UserLimit:
    return UserLimit(per_minute=limits.messages_per_minute, per_day=limits.messages_per_day)


def _new_session(command: Command[CreateSession]) -> NewSession:
    data = command.data
    return NewSession(
        caused_by=CausedBy.by(command),
        session_id=data.session_id,
        user_id=data.user_id,
        pairing=data.pairing.to_data(),
        options=data.options.to_data(),
        limits=data.limits.to_data(),
    )
