"""Events say what the contract's table says, camelCase, without nulls; what strangers send never breaks them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.content.content import Content, Text, Unsupported
from schemas.errors import CommandConflict, MessageRejectedByWhatsApp, RateLimited
from schemas.events.answers import CommandRejected
from schemas.events.events import routing_key, session_source
from schemas.events.failures import Failure
from schemas.events.sessions import SessionState, SessionStatus
from schemas.names import SessionId, UserId, WorkerId


def status(state: SessionState, **fields: Any) -> dict[str, Any]:
    return SessionStatus(
        session_id=SessionId("s"),
        user_id=UserId("u"),
        worker_id=WorkerId("w"),
        state=state,
        timestamp=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        **fields,
    ).to_data()


def test_a_status_holds_only_what_belongs_to_its_state() -> None:
    assert status(SessionState.CONNECTED, phone="+15550001111", push_name="Ana") == {
        "sessionId": "s",
        "userId": "u",
        "workerId": "w",
        "state": "connected",
        "status": "connected",
        "timestamp": "2026-11-22T10:30:00Z",
        "phone": "+15550001111",
        "pushName": "Ana",
    }


@pytest.mark.parametrize("state", SessionState)
def test_state_and_status_say_the_same(state: SessionState) -> None:
    assert status(state)["state"] == status(state)["status"] == state


def test_routing_keys_leave_the_version_out() -> None:
    assert routing_key("session.status.v1", "user123-personal") == "session.status.user123-personal"
    assert routing_key("command.rejected.v1", None) == "command.rejected"


def test_a_sessions_source_names_no_worker() -> None:
    assert session_source("gateway", "user123") == "/gateway/sessions/user123"


def test_failures_carry_their_codes_and_details() -> None:
    assert Failure.of(MessageRejectedByWhatsApp("463")).to_data()["detail"] == {"whatsappCode": "463"}
    assert Failure.of(RateLimited(30)).to_data()["detail"] == {"retryAfter": 30}
    rejected = CommandRejected.of(CommandConflict(), command_id="c", command_type="message.send.v1").to_data()
    assert rejected["code"] == "command.conflict"
    assert "detail" not in rejected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_text_arrives_can_be_told(text: str) -> None:
    assert Text(text=text).to_data() == {"kind": "text", "text": text[:65_536]}


def test_a_text_that_is_too_long_is_cut_rather_than_lost() -> None:
    assert len(Text(text="x" * 100_000).text) == 65_536


def test_content_is_told_apart_by_its_kind() -> None:
    content: TypeAdapter[Content] = TypeAdapter(Content)
    assert content.validate_python({"kind": "unsupported", "whatsappType": "poll"}) == Unsupported(whatsapp_type="poll")
    assert content.validate_python({"kind": "text", "text": "x"}) == Text(text="x")
