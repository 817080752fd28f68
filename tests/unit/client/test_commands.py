"""Commands on their way out, and what comes back."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.client import CommandRejectedError, Image, Text
from gateway_worker.client.commands import CommandOptions, compose, kind_of, routing_key_of, valid
from gateway_worker.client.content import File
from gateway_worker.client.events import Event, UnknownData, read_envelope
from schemas.commands.commands import COMMANDS, read_command
from schemas.commands.messages import SendMessage
from schemas.commands.sessions import RestartSession
from schemas.envelope import Envelope
from schemas.events.events import EVENTS
from schemas.events.messages import MessageReceived
from schemas.examples.examples import COMMAND_DATA, EVENT_DATA

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SESSION = "user123-personal"


def composed(kind: str, subject: str | None, data: dict[str, object], **options: object) -> Envelope:
    given = CommandOptions(**options)  # pyright: ignore[reportArgumentType, reportCallIssue] (any option)
    return Envelope.from_json(
        compose(kind, subject, data, source="/backend", new_id="id-1", now=NOW, options=given).body
    )


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_gateway_reads_every_command_as_it_was_meant(kind: str) -> None:
    known = COMMANDS[kind]
    for data in COMMAND_DATA[kind]:
        subject = {"sessionId": SESSION, "workerId": "worker-001", "": None}[known.subject.value]
        whole = {**data, **({known.subject.value: subject} if known.names_subject_in_data else {})}
        model = known.model.model_validate(whole)
        assert kind_of(model) is known
        read = read_command(composed(kind, subject, model.to_data()))
        assert read.data == model


def test_options_become_attributes() -> None:
    envelope = composed(
        "session.restart.v1",
        SESSION,
        {},
        command_id="mine",
        expires_in=timedelta(minutes=5),
        correlation_id="order-77",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        extensions={"tenant": "acme"},
    )
    assert (envelope.id, envelope.correlationid, envelope.extensions) == ("mine", "order-77", {"tenant": "acme"})
    assert envelope.expiresat == NOW + timedelta(minutes=5)


def test_what_the_gateway_would_reject_is_rejected_with_its_words_before_it_is_asked() -> None:
    with pytest.raises(CommandRejectedError) as refused:
        valid(SendMessage, {"to": "12", "content": Text("hi")})
    assert refused.value.code == "command.invalid"
    assert refused.value.detail["path"] == "data.to"
    with pytest.raises(CommandRejectedError, match=r"command\.invalid"):
        composed("session.restart.v1", SESSION, {}, extensions={"No": "name"})


def test_a_text_and_a_file_are_sent_as_the_contract_writes_them() -> None:
    texts = valid(SendMessage, {"to": "+15550001111", "content": Text("hi")}).to_data()
    assert texts["content"] == {"kind": "text", "text": "hi"}
    image = Image(media=File(object="uploads/cat.jpg"), caption="a cat")
    assert valid(SendMessage, {"to": "+15550001111", "content": image}).to_data()["content"] == {
        "kind": "image",
        "media": {"object": "uploads/cat.jpg"},
        "caption": "a cat",
    }


@pytest.mark.parametrize(
    ("kind", "subject", "key"),
    [
        ("message.send.v1", "A", "session.A"),
        ("session.create.v1", "A", "sessions.create.A"),
        ("session.restart.v1", "A", "control.A"),
        ("session.list.v1", None, "control"),
        ("worker.drain.v1", "W", "worker.W"),
        ("nobody.knows.v1", "A", "control"),
    ],
)
def test_each_command_enters_where_the_contract_says(kind: str, subject: str | None, key: str) -> None:
    assert routing_key_of(kind, subject) == key


def test_a_model_that_is_no_commands_data_is_a_mistake_of_the_programmers() -> None:
    assert kind_of(RestartSession(session_id="A")).type == "session.restart.v1"  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        kind_of(Text("hi"))


@pytest.mark.parametrize("kind", EVENT_DATA)
def test_every_event_is_read_into_its_own_model(kind: str) -> None:
    for data in EVENT_DATA[kind]:
        envelope = Envelope(id="1", source="/gateway/sessions/A", type=kind, subject="A", data=data.to_data())
        event = Event(read_envelope(envelope.to_json()))
        assert type(event.data) is EVENTS[kind].model
        assert event.data == data


def test_what_a_later_version_tells_is_told_as_it_came() -> None:
    later = Envelope(id="1", source="/s", type="message.received.v1", subject="A", data={"unheard": "of"})
    assert Event(later).data == UnknownData(type="message.received.v1", data={"unheard": "of"})
    assert not isinstance(Event(later).data, MessageReceived)
