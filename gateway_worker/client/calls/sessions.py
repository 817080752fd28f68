"""The commands about sessions and workers, as methods."""

from datetime import datetime
from typing import Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.messages import CountMessages
from schemas.commands.session_settings import PairByCode, PairByQr, SessionLimits, SessionOptions, UserLimits
from schemas.commands.sessions import (
    CreateSession,
    DeleteSession,
    DescribeSession,
    GetQr,
    ListSessions,
    LogoutSession,
    MigrateSession,
    ReplayEvents,
    RestartSession,
)
from schemas.commands.workers import DescribeWorker, DrainWorker
from schemas.results import (
    EventsReplayed,
    MessageStats,
    SessionDescription,
    SessionPage,
    SessionQr,
    WorkerDescription,
)


class SessionCalls(Asking):
    """Mixed into `Gateway`."""

    async def create_session(
        self,
        session: str,
        user: str,
        *,
        pair_by_code: str | None = None,
        settings: SessionOptions | None = None,
        limits: SessionLimits | None = None,
        user_limits: UserLimits | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Make a session, or connect the one that exists. The QR comes as `SessionStatus` events.

        `pair_by_code` is the phone's number: a code is typed on it instead of scanning a QR.
        """
        pairing = PairByQr() if pair_by_code is None else PairByCode(phone=pair_by_code)
        fields = {"session_id": session, "user_id": user, "pairing": pairing, "options": settings, "limits": limits}
        fields |= {"user_limits": user_limits}
        return await self.order(session, valid(CreateSession, fields), **options)

    async def describe_session(self, session: str, **options: Unpack[CommandOptions]) -> SessionDescription:
        """What the session is and how it fares."""
        question = valid(DescribeSession, {"session_id": session})
        return await self.query(session, question, SessionDescription, **options)

    async def list_sessions(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        user: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> SessionPage:
        """The sessions in the order of their ids, a page at a time: from behind `cursor`."""
        question = valid(ListSessions, {"cursor": cursor, "limit": limit, "user_id": user})
        return await self.query(None, question, SessionPage, **options)

    async def get_qr(self, session: str, **options: Unpack[CommandOptions]) -> SessionQr:
        """The live QR; ``session.not_pairing`` where there is none."""
        return await self.query(session, valid(GetQr, {"session_id": session}), SessionQr, **options)

    async def restart_session(self, session: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Close its connection and open it again, credentials kept."""
        return await self.order(session, valid(RestartSession, {"session_id": session}), **options)

    async def logout_session(self, session: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Unlink it at WhatsApp, destroy its credentials, keep the record."""
        return await self.order(session, valid(LogoutSession, {"session_id": session}), **options)

    async def migrate_session(self, session: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Move it to another worker."""
        return await self.order(session, valid(MigrateSession, {"session_id": session}), **options)

    async def delete_session(self, session: str, *, purge: bool = False, **options: Unpack[CommandOptions]) -> Accepted:
        """Log it out, then remove it; with `purge` its messages and media too."""
        return await self.order(session, valid(DeleteSession, {"session_id": session, "purge": purge}), **options)

    async def replay_events(
        self, session: str, first: int, last: int | None = None, **options: Unpack[CommandOptions]
    ) -> EventsReplayed:
        """Have the session's events published again. A subscription does so by itself where it misses some."""
        fields = {"session_id": session, "from_sequence": first, "to_sequence": last}
        return await self.query(session, valid(ReplayEvents, fields), EventsReplayed, **options)

    async def message_stats(
        self,
        session: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        **options: Unpack[CommandOptions],
    ) -> MessageStats:
        """How many messages were stored, by direction, kind and state; by default in the last 24 hours."""
        question = valid(CountMessages, {"session_id": session, "since": since, "until": until})
        return await self.query(session, question, MessageStats, **options)

    async def describe_worker(self, worker: str, **options: Unpack[CommandOptions]) -> WorkerDescription:
        """What a worker holds."""
        return await self.query(worker, valid(DescribeWorker, {"worker_id": worker}), WorkerDescription, **options)

    async def drain_worker(self, worker: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Have a worker hand every session over and take no new ones."""
        return await self.order(worker, valid(DrainWorker, {"worker_id": worker}), **options)
