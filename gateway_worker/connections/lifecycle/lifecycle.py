"""Where a session stands: each change is written with its event, then told to whoever waits for it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from gateway_worker.connections.base.ports import Announcer
from gateway_worker.connections.base.signals import Signal
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.lifecycle.states import FULFILLED, LIVE, PAIRING, State, Trigger, follow
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.records import CausedBy, SessionRecord
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.facts import Connected
from schemas.events.contacts import ProfileChange, ProfileUpdated
from schemas.events.events import PROFILE_UPDATED, SESSION_STATUS
from schemas.events.sessions import PasskeyRequest, Reason, SessionStatus
from schemas.names import SessionId, UserId, WorkerId
from schemas.results import SessionQr

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCondition:
    """What is known of a session's state, as its row has it."""

    state: State
    reason: Reason | None = None
    retry_at: datetime | None = None


class Lifecycle:
    """The state of one owned session, in memory and in PostgreSQL under its epoch."""

    def __init__(
        self, record: SessionRecord, writer: Writer, *, announcer: Announcer, clock: Clock, worker_id: WorkerId
    ) -> None:
        self.session_id: SessionId = record.session_id
        self.changed = Signal()
        self.jid, self.lid = record.jid, record.lid
        self._push_name = record.push_name
        self._user_id: UserId = record.user_id
        self._announcer = announcer
        self._clock = clock
        self._worker_id = worker_id
        self._writer = writer
        self._writing = asyncio.Lock()
        reason = Reason.model_validate(record.reason) if record.reason else None
        self._condition = SessionCondition(state=State(record.state), reason=reason, retry_at=record.retry_at)
        self._caused_by = record.caused_by

    @property
    def state(self) -> State:
        """The state that is stored."""
        return self._condition.state

    @property
    def reason(self) -> Reason | None:
        """Why it is in this state."""
        return self._condition.reason

    def follows_from(self, command: CausedBy | None) -> None:
        """What is told from now on is this command's doing, until its order is fulfilled."""
        self._caused_by = command

    async def follow(
        self,
        trigger: Trigger,
        *,
        reason: Reason | None = None,
        retry_at: datetime | None = None,
        account: Connected | None = None,
        applied: int | None = None,
        also: Sequence[Operation[Any]] = (),
    ) -> None:
        """Go where `trigger` leads, in one transaction with its event and `also`; waits while the database is away.

        Args:
            trigger: what happened.
            reason: of the new state.
            retry_at: when it will connect again by itself.
            account: who logged in.
            applied: the generation of the order that is carried out hereby.
            also: operations that belong to it.

        Raises:
            InvalidTransition: the table has no such exit.
            StaleEpoch: the session has another owner.
        """
        async with self._writing:
            condition = SessionCondition(state=follow(self.state, trigger), reason=reason, retry_at=retry_at)
            await self._writer.write_surely(*also, self._change(condition, account, applied))
            if condition.state is not self.state:
                _log.info("session.state", session=self.session_id, state=condition.state.value, reason=_code(reason))
            self._condition = condition
            self._has_fulfilled()
        if account is not None:
            self.jid, self.lid = account.jid, account.lid
            self._push_name = account.push_name or self._push_name
        self.changed.fire()

    async def note(self, applied: int) -> None:
        """The order of this generation is fulfilled, and nothing changed by it."""
        async with self._writing:
            await self._writer.write_surely(self._change(self._condition, None, applied))
            self._has_fulfilled()

    async def remark(self, reason: Reason) -> None:
        """Say something of a connection that goes on; the reason that a session without one has is not overwritten."""
        if self.state in LIVE:
            async with self._writing:
                condition = replace(self._condition, reason=reason)
                await self._writer.write_surely(self._change(condition, None, None))
                self._condition = condition
                self._has_fulfilled()

    async def rename(self, push_name: str) -> None:
        """The account is called otherwise than is stored, or has a name only now."""
        async with self._writing:
            if push_name == self._push_name:
                return
            event = ProfileUpdated(
                session_id=self.session_id,
                push_name=push_name,
                changed=[ProfileChange.PUSH_NAME],
                timestamp=self._clock.now(),
            )
            change = replace(self._change(self._condition, None, None), push_name=push_name, fulfilled=False)
            await self._writer.write_surely(change, AppendEvent(type=PROFILE_UPDATED.type, data=event.to_data()))
            self._push_name = push_name

    async def announce_qr(self, qr: SessionQr) -> None:
        """Tell a new QR; it lives a minute, so it has no sequence."""
        await self._announce(
            self._status(State.QR_REQUIRED).model_copy(
                update={"qr_string": qr.qr_string, "qr_code": qr.qr_code, "expires_at": qr.expires_at}
            )
        )

    async def announce_code(self, code: str, expires_at: datetime) -> None:
        """Tell the pairing code."""
        status = self._status(State.CODE_REQUIRED)
        await self._announce(status.model_copy(update={"pairing_code": code, "expires_at": expires_at}))

    async def announce_passkey(self, options: Mapping[str, Any], expires_at: datetime) -> None:
        """Tell what a person's passkey is asked for."""
        request = PasskeyRequest(options=dict(options), expires_at=expires_at)
        status = self._status(State.PASSKEY_REQUIRED)
        await self._announce(status.model_copy(update={"passkey": request, "reason": self.reason}))

    async def announce_passkey_code(self, code: str, expires_at: datetime) -> None:
        """Tell the code that the phone shows too."""
        status = self._status(State.PASSKEY_CONFIRM)
        await self._announce(status.model_copy(update={"code": code, "expires_at": expires_at}))

    async def _announce(self, status: SessionStatus) -> None:
        await self._announcer.announce(SESSION_STATUS.type, self.session_id, status, caused_by=self._caused_by)

    def _has_fulfilled(self) -> None:
        if self.state in FULFILLED:
            self._caused_by = None

    def _change(self, condition: SessionCondition, account: Connected | None, applied: int | None) -> ChangeState:
        status = self._status(condition.state).model_copy(
            update={"reason": condition.reason, "retry_at": condition.retry_at} | _identity(account)
        )
        is_announced = condition != self._condition and condition.state not in PAIRING
        return ChangeState(
            state=condition.state.value,
            reason=condition.reason.to_data() if condition.reason else None,
            retry_at=condition.retry_at,
            applied_generation=applied,
            phone=status.phone,
            jid=status.jid,
            lid=status.lid,
            push_name=status.push_name,
            event=status.to_data() if is_announced else None,
            caused_by=self._caused_by,
            fulfilled=condition.state in FULFILLED,
        )

    def _status(self, state: State) -> SessionStatus:
        return SessionStatus(
            session_id=self.session_id,
            user_id=self._user_id,
            worker_id=self._worker_id,
            state=state,
            timestamp=self._clock.now(),
        )


def _identity(account: Connected | None) -> dict[str, str | None]:
    if account is None:
        return {}
    return {"phone": account.phone, "jid": account.jid, "lid": account.lid, "push_name": account.push_name}


def _code(reason: Reason | None) -> str | None:
    return reason.code if reason else None
