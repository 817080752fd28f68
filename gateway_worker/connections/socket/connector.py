"""A session's line to WhatsApp: at most one connection at a time, what it says, and when to try the next."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from gateway_worker.connections.base.context import Surroundings
from gateway_worker.connections.base.opening_limiter import Pass
from gateway_worker.connections.base.qr import QR_TTL_SECONDS
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.incoming.inbound import Inbound, LifeFact
from gateway_worker.connections.incoming.vigilance import Vigilance
from gateway_worker.connections.lifecycle.causes import PASSKEY, REFRESH_SECONDS, SILENT, Retry, Verdict, judge
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.states import State, Trigger
from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.socket.backoff import Backoff
from gateway_worker.connections.socket.connection import Link, Purpose
from gateway_worker.connections.socket.presences import Presences
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.records import SessionRecord
from gateway_worker.whatsapp.errors import EngineError
from gateway_worker.whatsapp.facts import (
    Cause,
    Connected,
    Disconnected,
    PairingCode,
    PasskeyRequired,
    PresenceChanged,
    QrCode,
)
from gateway_worker.whatsapp.port import OpenRequest
from schemas.events import Reason
from schemas.results import SessionQr
from schemas.session_settings import SessionOptions

_log = structlog.get_logger()


class Line:
    """Opens and concludes the connections of one session. `stirred` is called when there may be something to do."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        writer: Writer,
        around: Surroundings,
        stirred: Callable[[], None],
        *,
        presences: Presences,
        identities: Identities,
        timers: Timers,
        careful: bool,
    ) -> None:
        self._lifecycle = lifecycle
        self._writer = writer
        self._around = around
        self._stirred = stirred
        self._presences = presences
        self._identities = identities
        self._timers = timers
        self._vigilance = Vigilance(writer, around, careful=careful)
        self._backoff = Backoff(around.rng)
        self._quick_restarts = 0
        self._bad_sessions = 0
        self._inbound: Inbound | None = None
        self._due_at: float | None = None
        self._opening = False
        self._judging = False
        self.link: Link | None = None

    @property
    def awaited(self) -> bool:
        """Whether a connection is up or will come by itself, or it is not decided yet whether one will."""
        coming = self._due_at is not None and self._lifecycle.state is not State.FAILED
        return self._opening or self._judging or self.link is not None or coming

    @property
    def due(self) -> bool:
        """Whether the time for the next try has come."""
        return self._due_at is not None and self._around.clock.monotonic() >= self._due_at

    @property
    def deadline(self) -> float | None:
        """When something is to be done even if nothing happens, on the monotonic clock."""
        if self.link is not None and not self.link.heard:
            return self.link.opened_at + self._around.patience.login
        return self._due_at

    def try_now(self) -> None:
        """The next try is due."""
        self._due_at = self._around.clock.monotonic()

    def check_silence(self) -> None:
        """Give up on a socket on which WhatsApp never said anything."""
        link, now = self.link, self._around.clock.monotonic()
        if link is not None and not link.heard and now >= link.opened_at + self._around.patience.login:
            link.give_up(Purpose.RENEW)

    async def open(self, record: SessionRecord, applied: int | None, reason: Reason | None = None) -> None:
        """Open a connection, in its turn. A session that was logged out pairs afresh: its void credentials go only now.

        Args:
            record: the session's.
            applied: the generation of the order that this carries out.
            reason: why just here, if that is worth telling.
        """
        self._opening = True
        try:
            admission = await self._around.gate.enter()
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
        link = Link(self._around, admission, self._stirred)
        self._inbound = Inbound(
            self._writer,
            self._around,
            partial(self._hear, link),
            identities=self._identities,
            timers=self._timers,
            paired=credentials is not None,
            vigilance=self._vigilance,
            media=_options(record).media,
        )
        self._due_at = None
        self.link = link
        self._around.observer.connection_opened()
        request = _request(record, credentials, careful=self._vigilance.careful)
        await link.open(request, self._inbound)

    async def hang_up(self, purpose: Purpose) -> None:
        """Close what is open, without a verdict; nothing is tried again by itself."""
        if self.link is not None:
            await self.link.hang_up(purpose)
        await self._let_go()

    async def conclude(self) -> None:
        """The connection is over: find out what that means for the session. Until then nobody is refused."""
        self._judging = True
        try:
            await self._conclude()
        finally:
            self._judging = False

    async def _conclude(self) -> None:
        link = self.link
        assert link is not None, "there is a connection to conclude"
        await link.hang_up(Purpose.REST)
        assert link.outcome is not None, "it is over"
        outcome, purpose = link.outcome, link.purpose
        await self._let_go()
        by_us = outcome.cause is Cause.REQUESTED
        match purpose:
            case Purpose.PASSKEY | Purpose.LOGOUT | Purpose.LEAVE:
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
        if self.link is not None and (self.link.over or self.link.purpose is not None):
            await self.hang_up(Purpose.RESTART)
        if self._lifecycle.state is State.LOGGED_OUT or await self._credentials() is None:
            return True
        if self.link is None:
            await self.open(record, None)
        link = self.link
        assert link is not None, "it was opened above"
        try:
            async with asyncio.timeout(self._around.patience.unlinking):
                while not link.usable and not link.over:
                    await self._lifecycle.changed.next()
                await link.connection.logout()
                await link.ended()
        except (EngineError, TimeoutError) as error:
            _log.warning("session.unlink_failed", session=self._lifecycle.session_id, error=type(error).__name__)
            return link.outcome is not None and link.outcome.cause is Cause.LOGGED_OUT
        return True

    async def _credentials(self) -> bytes | None:
        return await until_stored(lambda: self._around.storage.keys.credentials(self._lifecycle.session_id))

    async def _let_go(self) -> None:
        """Nothing of the last connection is under way any more."""
        self._due_at = None
        if self._inbound is not None:
            await self._inbound.close()
            await self._vigilance.over(died=_has_died(self.link, self._inbound))
        self.link = self._inbound = None
        await self._around.cache.drop_qr(self._lifecycle.session_id)

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
        now, retry_at, seconds = self._around.clock.monotonic(), None, None
        match verdict.retry:
            case Retry.AT_ONCE:
                self._quick_restarts += 1
                self.try_now()
                return
            case Retry.BACKOFF:
                seconds = self._backoff.failed(now)
                retry_at = self._around.clock.now() + timedelta(seconds=seconds)
            case Retry.DAILY:
                seconds = REFRESH_SECONDS
            case Retry.NEVER:
                pass
        self._due_at = None if seconds is None else now + seconds
        if verdict.alarm and verdict.reason is not None:
            self._around.observer.alarm(verdict.reason.code)
            _log.error("session.alarm", session=self._lifecycle.session_id, code=verdict.reason.code)
        await self._lifecycle.follow(verdict.trigger, reason=verdict.reason, retry_at=retry_at)

    async def _hear(self, link: Link, fact: LifeFact) -> None:
        """Act on a fact of the connection's life; after the session let go of it, only its end counts."""
        link.heard = True
        if isinstance(fact, Disconnected):
            link.end(fact)
        elif link is self.link and not link.over and link.purpose is None:
            await self._follow(link, fact)

    async def _follow(
        self, link: Link, fact: QrCode | PairingCode | PasskeyRequired | Connected | PresenceChanged
    ) -> None:
        match fact:
            case QrCode():
                link.settle()
                await self._show_qr(fact)
            case PairingCode():
                link.settle()
                await self._show_code(fact)
            case PasskeyRequired():
                await self._lifecycle.follow(Trigger.PASSKEY_ASKED, reason=PASSKEY)
                link.give_up(Purpose.PASSKEY)
            case Connected():
                await self._lifecycle.follow(Trigger.LOGGED_IN, account=fact)
                self._backoff.connected(self._around.clock.monotonic())
                self._around.snapshots.changed(self._writer.fence)
                self._quick_restarts = self._bad_sessions = 0
                link.log_in()
                self._presences.connected()
            case PresenceChanged():
                self._presences.hear(fact)

    async def _show_qr(self, fact: QrCode) -> None:
        """Each QR is an event; only the first changes the state."""
        session_id = self._lifecycle.session_id
        expires_at = self._around.clock.now() + timedelta(seconds=fact.expires_in)
        picture = await self._around.draw_qr(fact.text)
        qr = SessionQr(session_id=session_id, qr_string=fact.text, qr_code=picture, expires_at=expires_at)
        if self._lifecycle.state is not State.QR_REQUIRED:
            await self._lifecycle.follow(Trigger.QR_SHOWN)
        await self._around.cache.put_qr(session_id, qr.to_data(), QR_TTL_SECONDS)
        await self._lifecycle.announce_qr(qr)

    async def _show_code(self, fact: PairingCode) -> None:
        expires_at = self._around.clock.now() + timedelta(seconds=fact.expires_in)
        if self._lifecycle.state is not State.CODE_REQUIRED:
            await self._lifecycle.follow(Trigger.CODE_SHOWN)
        await self._lifecycle.announce_code(fact.code, expires_at)


def _has_died(link: Link | None, inbound: Inbound) -> bool:
    """Whether a connection ended with its process, or because something stood still: a commit that nobody answered."""
    cause = None if link is None or link.outcome is None else link.outcome.cause
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
