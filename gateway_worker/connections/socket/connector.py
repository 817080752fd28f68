"""A session's line to WhatsApp: at most one connection at a time, what it says, and when to try the next."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.opening_limiter import Pass
from gateway_worker.connections.base.qr import QR_TTL_SECONDS
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.incoming.inbound import Inbound, LifeFact
from gateway_worker.connections.incoming.vigilance import Vigilance
from gateway_worker.connections.lifecycle.causes import PASSKEY, REFRESH_SECONDS, SILENT, Retry, Verdict, judge
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.states import State, Trigger
from gateway_worker.connections.messages.joint_begins import JointBegins
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.passkey.ceremony import Ceremony
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.socket.attempt import ConnectionAttempt, Purpose
from gateway_worker.connections.socket.backoff import Backoff
from gateway_worker.connections.socket.presences import Presences
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.records import SessionRecord
from gateway_worker.whatsapp.errors import EngineError
from gateway_worker.whatsapp.facts import (
    Cause,
    Connected,
    Disconnected,
    Named,
    PairingCode,
    PasskeyCode,
    PasskeyRequired,
    PresenceChanged,
    QrCode,
)
from gateway_worker.whatsapp.port import OpenRequest
from schemas.commands.session_settings import SessionOptions
from schemas.events.sessions import Reason
from schemas.results import SessionQr

_log = structlog.get_logger()


class Connector:
    """Opens and concludes the connections of one session. `wake` is called when there may be something to do."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        writer: Writer,
        context: SessionContext,
        wake: Callable[[], None],
        *,
        presences: Presences,
        identities: Identities,
        timers: Timers,
        begins: JointBegins,
        careful: bool,
    ) -> None:
        self._lifecycle = lifecycle
        self._writer = writer
        self._context = context
        self._wake = wake
        self._presences = presences
        self._identities = identities
        self._timers = timers
        self._begins = begins
        self._vigilance = Vigilance(writer, careful=careful, storage=context.storage, suspects=context.suspects)
        self._backoff = Backoff(context.rng)
        self._quick_restarts = 0
        self._bad_sessions = 0
        self._inbound: Inbound | None = None
        self._due_at: float | None = None
        self._opening = False
        self._judging = False
        self.attempt: ConnectionAttempt | None = None
        self.ceremony: Ceremony | None = None

    @property
    def awaited(self) -> bool:
        """Whether a connection is up or will come by itself, or it is not decided yet whether one will."""
        coming = self._due_at is not None and self._lifecycle.state is not State.FAILED
        return self._opening or self._judging or self.attempt is not None or coming

    @property
    def due(self) -> bool:
        """Whether the time for the next try has come."""
        return self._due_at is not None and self._context.clock.monotonic() >= self._due_at

    @property
    def deadline(self) -> float | None:
        """When something is to be done even if nothing happens, on the monotonic clock."""
        if self.attempt is not None and not self.attempt.has_received:
            return self.attempt.opened_at + self._context.timeouts.login
        return self._due_at

    def try_now(self) -> None:
        """The next try is due."""
        self._due_at = self._context.clock.monotonic()

    def check_silence(self) -> None:
        """Give up on a socket on which WhatsApp never said anything."""
        attempt, now = self.attempt, self._context.clock.monotonic()
        if attempt is not None and not attempt.has_received and now >= attempt.opened_at + self._context.timeouts.login:
            attempt.give_up(Purpose.RENEW)

    async def open(self, record: SessionRecord, applied: int | None, reason: Reason | None = None) -> None:
        """Open a connection, in its turn. A session that was logged out pairs afresh: its void credentials go only now.

        Args:
            record: the session's.
            applied: the generation of the order that this carries out.
            reason: why just here, if that is worth telling.
        """
        self._opening = True
        try:
            admission = await self._context.gate.enter()
            try:
                await self._open(record, applied, reason, admission)
            except BaseException:
                admission.leave()
                raise
        finally:
            self._opening = False

    async def _open(self, record: SessionRecord, applied: int | None, reason: Reason | None, admission: Pass) -> None:
        also = [DropCredentials()] if self._lifecycle.state is State.LOGGED_OUT else []
        await self._lifecycle.follow(Trigger.OPENED, reason=reason, applied=applied, also=also)
        credentials = await self._credentials()
        attempt = ConnectionAttempt(
            admission,
            self._wake,
            clock=self._context.clock,
            engine=self._context.engine,
            observer=self._context.observer,
            timeouts=self._context.timeouts,
        )
        self._inbound = Inbound(
            self._writer,
            self._context,
            partial(self._on_fact, attempt),
            identities=self._identities,
            timers=self._timers,
            paired=credentials is not None,
            vigilance=self._vigilance,
            begins=self._begins,
            media=_options(record).media,
        )
        self._due_at = None
        self.ceremony = None
        self.attempt = attempt
        self._context.observer.connection_opened()
        request = _request(record, credentials, careful=self._vigilance.careful)
        await attempt.open(request, self._inbound)

    async def hang_up(self, purpose: Purpose) -> None:
        """Close what is open, without a verdict; nothing is tried again by itself."""
        if self.attempt is not None:
            await self.attempt.hang_up(purpose)
        await self._let_go()

    async def conclude(self) -> None:
        """The connection is over: find out what that means for the session. Until then nobody is refused."""
        self._judging = True
        try:
            await self._conclude()
        finally:
            self._judging = False

    async def _conclude(self) -> None:
        attempt = self.attempt
        assert attempt is not None, "there is a connection to conclude"
        await attempt.hang_up(Purpose.REST)
        assert attempt.outcome is not None, "it is over"
        outcome, purpose = attempt.outcome, attempt.purpose
        await self._let_go()
        by_us = outcome.cause is Cause.REQUESTED
        match purpose:
            case Purpose.LOGOUT | Purpose.LEAVE:
                return
            case Purpose.RESTART if by_us:
                self.try_now()
            case Purpose.RENEW if by_us:
                await self._apply(SILENT)
            case _:
                _log.info(
                    "connection.ended",
                    session=self._lifecycle.session_id,
                    cause=outcome.cause.value,
                    reason=outcome.detail or None,
                )
                await self._judge(outcome)

    async def unlink(self, record: SessionRecord) -> bool:
        """Tell WhatsApp that this device is gone; False when it could not be told in time."""
        if self.attempt is not None and (self.attempt.over or self.attempt.purpose is not None):
            await self.hang_up(Purpose.RESTART)
        if self._lifecycle.state is State.LOGGED_OUT or await self._credentials() is None:
            return True
        if self.attempt is None:
            await self.open(record, None)
        attempt = self.attempt
        assert attempt is not None, "it was opened above"
        try:
            async with asyncio.timeout(self._context.timeouts.unlinking):
                while not attempt.usable and not attempt.over:
                    await self._lifecycle.changed.next()
                await attempt.connection.logout()
                await attempt.ended()
        except (EngineError, TimeoutError) as error:
            _log.warning("session.unlink_failed", session=self._lifecycle.session_id, error=type(error).__name__)
            return attempt.outcome is not None and attempt.outcome.cause is Cause.LOGGED_OUT
        return True

    async def _credentials(self) -> bytes | None:
        return await until_stored(lambda: self._context.storage.keys.credentials(self._lifecycle.session_id))

    async def _let_go(self) -> None:
        """Nothing of the last connection is under way any more."""
        self._due_at = None
        if self._inbound is not None:
            await self._inbound.close()
            await self._vigilance.over(died=_has_died(self.attempt, self._inbound))
        self.attempt = self._inbound = None
        await self._context.cache.drop_qr(self._lifecycle.session_id)

    async def _judge(self, outcome: Disconnected) -> None:
        verdict = judge(
            outcome.cause,
            self._lifecycle.state,
            quick_restarts=self._quick_restarts,
            bad_sessions=self._bad_sessions,
        )
        self._bad_sessions += outcome.cause is Cause.BAD_SESSION
        await self._apply(verdict)

    async def _apply(self, verdict: Verdict) -> None:
        """Schedule the next try, if there is to be one, and go where the verdict leads."""
        now, retry_at, seconds = self._context.clock.monotonic(), None, None
        match verdict.retry:
            case Retry.AT_ONCE:
                self._quick_restarts += 1
                self.try_now()
                return
            case Retry.BACKOFF:
                seconds = self._backoff.failed(now)
                retry_at = self._context.clock.now() + timedelta(seconds=seconds)
            case Retry.DAILY:
                seconds = REFRESH_SECONDS
            case Retry.NEVER:
                pass
        self._due_at = None if seconds is None else now + seconds
        if verdict.needs_operator and verdict.reason is not None:
            self._context.observer.alarm(verdict.reason.code)
            _log.error("session.alarm", session=self._lifecycle.session_id, code=verdict.reason.code)
        await self._lifecycle.follow(verdict.trigger, reason=verdict.reason, retry_at=retry_at)

    async def _on_fact(self, attempt: ConnectionAttempt, fact: LifeFact) -> None:
        """Act on a fact of the connection's life; after the session let go of it, only its end counts."""
        attempt.has_received = True
        if isinstance(fact, Disconnected):
            attempt.end(fact)
        elif attempt is self.attempt and not attempt.over and attempt.purpose is None:
            await self._follow(attempt, fact)

    async def _follow(
        self,
        attempt: ConnectionAttempt,
        fact: QrCode | PairingCode | PasskeyRequired | PasskeyCode | Connected | Named | PresenceChanged,
    ) -> None:
        match fact:
            case QrCode():
                attempt.settle()
                await self._show_qr(fact)
            case PairingCode():
                attempt.settle()
                await self._show_code(fact)
            case PasskeyRequired():
                await self._ask_for_passkey(attempt, fact)
            case PasskeyCode():
                await self._have_code_compared(attempt, fact)
            case Connected():
                await self._lifecycle.follow(Trigger.LOGGED_IN, account=fact)
                self._backoff.connected(self._context.clock.monotonic())
                self._context.snapshots.changed(self._writer.fence)
                self._quick_restarts = self._bad_sessions = 0
                attempt.log_in()
                self._presences.connected()
            case Named():
                await self._lifecycle.rename(fact.push_name)
                self._context.snapshots.changed(self._writer.fence)
            case PresenceChanged():
                self._presences.on_presence(fact)

    async def _show_qr(self, fact: QrCode) -> None:
        """Each QR is an event; only the first changes the state."""
        session_id = self._lifecycle.session_id
        expires_at = self._context.clock.now() + timedelta(seconds=fact.expires_in)
        picture = await self._context.draw_qr(fact.text)
        qr = SessionQr(session_id=session_id, qr_string=fact.text, qr_code=picture, expires_at=expires_at)
        if self._lifecycle.state is not State.QR_REQUIRED:
            await self._lifecycle.follow(Trigger.QR_SHOWN)
        await self._context.cache.put_qr(session_id, qr.to_data(), QR_TTL_SECONDS)
        await self._lifecycle.announce_qr(qr)

    async def _ask_for_passkey(self, attempt: ConnectionAttempt, fact: PasskeyRequired) -> None:
        expires_at = self._context.clock.now() + timedelta(seconds=fact.expires_in)
        self.ceremony = Ceremony(attempt, options=fact.options, expires_at=expires_at, now=self._context.clock.now)
        await self._lifecycle.follow(Trigger.PASSKEY_ASKED, reason=PASSKEY)
        await self._lifecycle.announce_passkey(fact.options, expires_at)

    async def _have_code_compared(self, attempt: ConnectionAttempt, fact: PasskeyCode) -> None:
        expires_at = self._context.clock.now() + timedelta(seconds=fact.expires_in)
        await self._lifecycle.follow(Trigger.PASSKEY_TAKEN)
        if self.ceremony is not None and self.ceremony.attempt is attempt:
            self.ceremony.has_code = True
        await self._lifecycle.announce_passkey_code(fact.code, expires_at)

    async def _show_code(self, fact: PairingCode) -> None:
        expires_at = self._context.clock.now() + timedelta(seconds=fact.expires_in)
        if self._lifecycle.state is not State.CODE_REQUIRED:
            await self._lifecycle.follow(Trigger.CODE_SHOWN)
        await self._lifecycle.announce_code(fact.code, expires_at)


def _has_died(attempt: ConnectionAttempt | None, inbound: Inbound) -> bool:
    """Whether a connection ended with its process, or because something stood still: a commit that nobody answered."""
    cause = None if attempt is None or attempt.outcome is None else attempt.outcome.cause
    return cause is Cause.BRIDGE_DIED or (cause is Cause.STORE_FAILED and not inbound.was_refused)


def _options(record: SessionRecord) -> SessionOptions:
    return SessionOptions.model_validate(dict(record.options))


def _request(record: SessionRecord, credentials: bytes | None, *, careful: bool) -> OpenRequest:
    options = _options(record)
    phone = record.pairing.get("phone") if record.pairing.get("method") == "code" else None
    return OpenRequest(
        session_id=record.session_id,
        credentials=credentials,
        pair_with=phone.removeprefix("+") if isinstance(phone, str) else None,
        mark_online=options.mark_online,
        read_receipts=options.read_receipts,
        reject_calls=options.reject_calls,
        history=options.history,
        proxy=options.proxy,
        careful=careful,
    )
