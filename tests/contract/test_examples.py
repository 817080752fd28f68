"""What the contract's prose shows is what the models read and write."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.commands.commands import COMMANDS, CommandQueue, parse_command
from schemas.commands.messages import DescribeMessage, SendMessage, SetPresence
from schemas.commands.session_settings import PairByCode, PairByQr
from schemas.commands.sessions import CreateSession, DeleteSession, ListSessions
from schemas.content.outgoing import OutgoingText
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid, GatewayError
from schemas.events.events import EVENTS
from schemas.events.sessions import Action, SessionState
from schemas.model import StrictModel
from schemas.names import SessionId

CONTRACT_EXAMPLE = """{"specversion": "1.0", "id": "01JD…", "source": "/backend/eu-1", "type": "message.send.v1",
 "subject": "user123-personal", "time": "2026-11-22T10:30:00Z", "datacontenttype": "application/json",
 "expiresat": "2026-11-22T10:35:00Z", "traceparent": "00-…", "correlationid": "order-77",
 "data": {"to": "+15550001111", "content": {"kind": "text", "text": "Hello"}}}"""

CONTRACT_CODES = """command.invalid command.forbidden command.conflict command.expired command.outcome_unknown
session.not_found session.not_connected session.not_pairing pairing.timeout pairing.passkey_required client.outdated
passkey.invalid passkey.expired passkey.refused passkey.unanswered
fleet.full worker.not_found message.not_found message.recipient_unknown message.rejected_by_whatsapp message.unconfirmed
message.keys_invalid label.not_found call.not_found chat.not_found chat.state_unavailable contact.not_found
account.restricted media.too_large media.unreachable media.forbidden_address media.unsupported rate.limited
internal"""

CONTRACT_QUEUES = {
    CommandQueue.SESSIONS: "session.create.v1",
    CommandQueue.CONTROL: """session.describe.v1 session.list.v1 session.qr.v1 session.restart.v1 session.logout.v1
        session.passkey.v1 session.passkey.confirm.v1
        session.migrate.v1 session.delete.v1 message.describe.v1 message.history.v1
        message.stats.v1 chat.list.v1 chat.describe.v1 contact.list.v1 contact.describe.v1
        contact.blocked.v1 label.list.v1 events.replay.v1""",
    CommandQueue.SESSION: """message.send.v1 message.edit.v1 message.revoke.v1 message.react.v1 message.forward.v1
        message.pin.v1 message.unpin.v1 poll.vote.v1 message.star.v1 message.delete.v1
        chat.update.v1 chat.clear.v1 chat.delete.v1 contact.save.v1 contact.remove.v1
        contact.block.v1 contact.unblock.v1 profile.describe.v1 profile.set.v1 privacy.describe.v1 privacy.set.v1
        call.reject.v1 label.create.v1 label.update.v1 label.delete.v1 chat.label.v1 message.label.v1
        message.read.v1 media.fetch.v1 chat.presence.v1 chat.disappearing.v1 contact.check.v1
        group.create.v1 group.describe.v1 group.list.v1 group.requests.v1
        group.participants.v1 group.update.v1 group.picture.v1 group.invite.v1 group.join.v1 group.leave.v1
        contact.picture.v1""",
    CommandQueue.WORKER: "worker.describe.v1 worker.drain.v1",
}

CONTRACT_STATES = """waiting_for_capacity connecting qr_required code_required passkey_required passkey_confirm
connected disconnected logged_out restricted failed deleted"""


def parse(command_type: str, data: dict[str, Any] | None, **attributes: Any) -> StrictModel:
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": command_type, "subject": "s-1", **attributes}
    return parse_command(json.dumps(body if data is None else {**body, "data": data}).encode()).data


def test_the_contracts_example_is_a_command() -> None:
    command = parse_command(CONTRACT_EXAMPLE.encode())
    assert isinstance(command.data, SendMessage)
    assert command.data.content == OutgoingText(text="Hello")
    assert command.data.recipient == "15550001111@s.whatsapp.net"
    assert (command.key.source, command.key.id) == ("/backend/eu-1", "01JD…")
    assert command.session_id == "user123-personal"
    assert command.expires_at == datetime(2026, 11, 22, 10, 35, tzinfo=UTC)
    assert command.correlation_id == "order-77"


def test_the_contracts_example_is_written_as_it_was_read() -> None:
    written = Envelope.from_json(CONTRACT_EXAMPLE.encode()).to_json()
    assert json.loads(written) == json.loads(CONTRACT_EXAMPLE)
    assert list(json.loads(written)) == list(json.loads(CONTRACT_EXAMPLE))


def test_the_codes_are_the_contracts() -> None:
    def codes(error: type[GatewayError]) -> set[str]:
        own = {error.code} if "code" in vars(error) else set[str]()
        return own.union(*(codes(child) for child in error.__subclasses__() if child.__module__ == "schemas.errors"))

    assert codes(GatewayError) == set(CONTRACT_CODES.split())


def test_the_queues_are_the_contracts() -> None:
    queues = {queue: {kind.type for kind in COMMANDS.values() if kind.queue is queue} for queue in CommandQueue}
    assert queues == {queue: set(types.split()) for queue, types in CONTRACT_QUEUES.items()}


def test_states_and_actions_are_the_contracts() -> None:
    assert set(SessionState) == set(CONTRACT_STATES.split())
    assert set(Action) == {"none", "rescan", "use_passkey", "wait", "upgrade", "contact_support"}


def test_durable_events_are_those_of_sessions_and_messages() -> None:
    assert {event.type for event in EVENTS.values() if event.durable} == {
        "session.status.v1",
        "message.status.v1",
        "message.received.v1",
        "message.edited.v1",
        "message.revoked.v1",
        "message.reaction.v1",
        "poll.vote.v1",
        "poll.option.v1",
        "message.comment.v1",
        "message.pinned.v1",
        "message.kept.v1",
        "message.changed.v1",
        "event.response.v1",
        "group.updated.v1",
        "group.participants.v1",
        "call.received.v1",
        "chat.updated.v1",
        "chat.deleted.v1",
        "chat.cleared.v1",
        "message.starred.v1",
        "message.deleted.v1",
        "call.ended.v1",
        "contact.updated.v1",
        "label.updated.v1",
        "contact.blocked.v1",
        "profile.updated.v1",
        "media.ready.v1",
        "media.failed.v1",
        "history.synced.v1",
        "session.throttled.v1",
        "usage.report.v1",
    }


def test_create_has_the_contracts_defaults() -> None:
    data = parse("session.create.v1", {"sessionId": "s-1", "userId": "u", "pairing": {"method": "qr"}})
    assert isinstance(data, CreateSession)
    assert data.pairing == PairByQr()
    options = data.options
    assert (options.mark_online, options.history, options.reject_calls) == (False, "none", False)
    assert (options.read_receipts, options.typing, options.proxy) == (True, "off", None)
    assert (data.limits.messages_per_minute, data.limits.messages_per_day) == (None, None)


def test_create_takes_all_options() -> None:
    data = parse(
        "session.create.v1",
        {
            "sessionId": "s-1",
            "userId": "Ana Müller <ana@example.com>",
            "pairing": {"method": "code", "phone": "+4915112345678"},
            "options": {
                "markOnline": True,
                "history": "recent",
                "rejectCalls": True,
                "readReceipts": False,
                "typing": "natural",
                "proxy": "http://user:secret@proxy.example.com:8080",
            },
            "limits": {"messagesPerMinute": 5, "messagesPerDay": 500},
        },
    )
    assert isinstance(data, CreateSession)
    assert data.pairing == PairByCode(phone="+4915112345678")
    assert data.options.proxy == "http://user:secret@proxy.example.com:8080"
    assert "secret" not in repr(data)


@pytest.mark.parametrize(
    ("attributes", "data"),
    [
        ({"subject": "s-1"}, {"userId": "u", "pairing": {"method": "qr"}}),
        ({"subject": None}, {"sessionId": "s-1", "userId": "u", "pairing": {"method": "qr"}}),
        ({"subject": "s-1"}, {"sessionId": "s-1", "userId": "u", "pairing": {"method": "qr"}, "options": None}),
    ],
)
def test_create_is_named_by_subject_or_data_or_both(attributes: dict[str, Any], data: dict[str, Any]) -> None:
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": "session.create.v1", "data": data, **attributes}
    command = parse_command(json.dumps(body).encode())
    assert isinstance(command.data, CreateSession)
    assert (command.session_id, command.data.session_id) == ("s-1", "s-1")


@pytest.mark.parametrize("data", [None, {}, {"sessionId": "s-1"}])
def test_a_control_command_needs_no_data(data: dict[str, Any] | None) -> None:
    assert parse("session.delete.v1", data) == DeleteSession(session_id=SessionId("s-1"), purge=False)


def test_null_attributes_and_null_data_count_as_absent() -> None:
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": "session.list.v1", "subject": None}
    command = parse_command(json.dumps({**body, "data": None, "expiresat": None, "mark": None}).encode())
    assert command.data == ListSessions()
    assert command.subject is None
    assert dict(command.envelope.extensions) == {}


@pytest.mark.parametrize(
    ("to", "jid"),
    [
        ("+15550001111", "15550001111@s.whatsapp.net"),
        ("15550001111@s.whatsapp.net", "15550001111@s.whatsapp.net"),
        ("15550001111@c.us", "15550001111@s.whatsapp.net"),
        ("204857102938475@lid", "204857102938475@lid"),
        ("120363041234567890@g.us", "120363041234567890@g.us"),
        ("15550001111-1600000000@g.us", "15550001111-1600000000@g.us"),
    ],
)
def test_to_takes_numbers_and_jids(to: str, jid: str) -> None:
    data = parse("message.send.v1", {"to": to, "content": {"kind": "text", "text": "x"}, "mentions": None})
    assert isinstance(data, SendMessage)
    assert (data.to, data.recipient, data.mentioned) == (to, jid, ())


def test_a_text_may_have_65_536_characters_of_any_script() -> None:
    data = parse("message.send.v1", {"to": "+15550001111", "content": {"kind": "text", "text": "😀" * 65_536}})
    assert isinstance(data, SendMessage)
    assert isinstance(data.content, OutgoingText)
    assert len(data.content.text) == 65_536


@pytest.mark.parametrize("state", ["typing", "recording", "paused", "available", "unavailable"])
def test_presence_takes_the_contracts_states(state: str) -> None:
    data = parse("chat.presence.v1", {"to": "+15550001111", "state": state})
    assert isinstance(data, SetPresence)
    assert data.state == state


def test_a_message_is_described_by_either_id() -> None:
    data = parse("message.describe.v1", {"commandId": "c-1", "source": "/backend"})
    assert isinstance(data, DescribeMessage)
    assert (data.session_id, data.command_id, data.source, data.message_id) == ("s-1", "c-1", "/backend", None)


def test_a_command_of_a_later_issue_is_invalid_for_now() -> None:
    with pytest.raises(CommandInvalid) as caught:
        parse("channel.list.v1", {})
    assert caught.value.origin.type == "channel.list.v1"
