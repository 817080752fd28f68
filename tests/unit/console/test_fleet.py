"""Workers, sessions and chats, as they follow from what is heard."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_worker.client.events import Event
from gateway_worker.console.watch.chats import Chats
from gateway_worker.console.watch.fleet import GONE, Fleet
from gateway_worker.console.web.rendering import Pages
from schemas.content.changes import MessageSender
from schemas.content.content import Text
from schemas.envelope import Envelope
from schemas.events.messages import MessageReceived
from schemas.events.sessions import Action, Reason, SessionState, SessionStatus
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerState
from schemas.model import Model
from schemas.names import MessageId, SessionId, UserId, WorkerId
from schemas.results import DesiredState, SessionDescription

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORKER = WorkerId("w1")


def published(kind: str, subject: str, data: Model) -> Event:
    return Event(
        Envelope(id=f"{kind}{subject}{data}"[:200], source="/t", type=kind, subject=subject, data=data.to_data())
    )


def status(session: str, state: SessionState, at: int = 0, **more: Any) -> Event:
    data = SessionStatus(
        session_id=SessionId(session),
        user_id=UserId("u"),
        worker_id=WORKER,
        state=state,
        timestamp=NOW + timedelta(seconds=at),
        **more,
    )
    return published("session.status.v1", session, data)


def described(session: str, state: SessionState = SessionState.CONNECTED, **more: Any) -> SessionDescription:
    return SessionDescription(
        session_id=SessionId(session),
        user_id=UserId("u"),
        state=state,
        desired_state=DesiredState.CONNECTED,
        since=NOW,
        epoch=1,
        sequence=1,
        **more,
    )


def test_what_is_told_counts_more_than_a_list_that_was_asked_for_before() -> None:
    fleet = Fleet()
    fleet.take(status("ana", SessionState.CONNECTED, at=5), NOW)
    fleet.take(status("new", SessionState.CONNECTING, at=5), NOW)
    fleet.listed([described("ana", SessionState.CONNECTING), described("ben")], NOW)
    states = {name: session.state for name, session in fleet.sessions.items()}
    assert states == {
        "ana": SessionState.CONNECTED,
        "ben": SessionState.CONNECTED,
        "new": SessionState.CONNECTING,
    }
    fleet.listed([described("ben")], NOW + timedelta(seconds=60))
    assert set(fleet.sessions) == {"ben"}


def test_a_code_is_shown_as_long_as_it_is_asked_for_and_a_deleted_session_is_gone() -> None:
    fleet = Fleet()
    fleet.take(status("ana", SessionState.QR_REQUIRED, qr_string="1@x", qr_code="data:image/png;base64,"), NOW)
    assert fleet.put(described("ana", SessionState.QR_REQUIRED)).live is not None
    fleet.take(status("ana", SessionState.CONNECTED, at=3), NOW)
    assert fleet.put(described("ana")).live is not None
    assert fleet.sessions["ana"].live.qr_code is None  # pyright: ignore[reportOptionalMemberAccess] (asserted above)
    fleet.take(status("ana", SessionState.DELETED, at=4), NOW)
    assert fleet.sessions == {}


def test_what_needs_a_person_is_found_the_longest_waiting_first() -> None:
    fleet = Fleet()
    rescan = Reason(code="session.replaced", message="…", action=Action.RESCAN)
    fleet.take(status("b", SessionState.DISCONNECTED, at=2, reason=rescan), NOW)
    fleet.take(status("a", SessionState.RESTRICTED, at=1), NOW)
    fleet.take(status("c", SessionState.DISCONNECTED, at=0, reason=Reason(code="x", message="…")), NOW)
    assert [each.session_id for each in fleet.for_a_person()] == ["a", "b"]


def test_a_worker_that_says_nothing_more_is_left_out_in_the_end() -> None:
    fleet = Fleet()
    figures = WorkerMetrics(session_count=3, max_sessions=50, active_connections=3, cpu_usage=12.0, memory_usage=30.0)
    beat = WorkerHeartbeat(worker_id=WORKER, status=WorkerState.ONLINE, metrics=figures)
    fleet.take(published("worker.heartbeat.v1", WORKER, beat), NOW)
    (worker,) = fleet.present(NOW)
    assert (worker.sessions, worker.room) == (3, 50)
    assert fleet.present(NOW + GONE) == []


def test_a_thousand_sessions_are_searched_and_drawn_in_a_moment() -> None:
    fleet = Fleet()
    fleet.listed([described(f"session-{number:04}", phone=f"+1555{number:07}") for number in range(1_000)], NOW)
    began = time.process_time()
    found = fleet.search("+15550000", SessionState.CONNECTED, "", 200)
    text = Pages("v").render("parts/sessions.html", found=found, shown=200, q="", state=None, now=NOW)
    took = time.process_time() - began
    assert (found.total, len(found.sessions), found.after) == (1_000, 200, "session-0199")
    assert text.count("<li id=") == 200
    assert fleet.search("0999", None, "", 200).total == 1
    assert took < 1.0


def test_chats_are_those_that_were_heard_of() -> None:
    chats = Chats()
    sender = MessageSender(jid="15550001111@s.whatsapp.net", push_name="Ben")
    for number in range(3):
        message = MessageReceived(
            session_id=SessionId("ana"),
            message_id=MessageId(f"M{number}"),
            chat="15550001111@s.whatsapp.net",
            sender=sender,
            from_me=number == 2,
            is_group=False,
            timestamp=NOW + timedelta(seconds=number),
            content=Text(text=f"line\n{number}"),
        )
        chats.take(published("message.received.v1", "ana", message))
    (chat,) = chats.of("ana")
    assert (chat.title, chat.preview, chat.unread) == ("Ben", "line 2", 2)
    chats.looked_at("ana", chat.chat)
    chats.named("ana", [("1-2@g.us", "The group")], NOW + timedelta(hours=1))
    assert [(each.title, each.unread) for each in chats.of("ana")] == [("The group", 0), ("Ben", 0)]
