"""The envelope of an event does not depend on who publishes it, or when."""

from datetime import UTC, datetime

import pytest

from gateway_worker.events.envelopes import announcement, encode, without_content
from schemas.envelope import Envelope
from tests.support.store.outbox import outbox_event

TIME = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def test_a_durable_event_is_the_same_bytes_each_time() -> None:
    event = outbox_event(
        "s1", 7, time=TIME, causation_id="c", correlation_id="k", carried={"tenant": "acme", "traceparent": "00-1-2-00"}
    )
    first, again = encode(event, "gateway"), encode(event, "gateway")
    assert first == again
    assert first == (
        b'{"specversion":"1.0","id":"s1-7","source":"/gateway/sessions/s1","type":"message.status.v1","subject":"s1",'
        b'"time":"2026-11-22T10:30:00Z","datacontenttype":"application/json","traceparent":"00-1-2-00",'
        b'"correlationid":"k","causationid":"c","sequence":"00000000000000000007","epoch":1,'
        b'"tenant":"acme","data":{"sessionId":"s1","n":7}}'
    )


@pytest.mark.parametrize("microsecond", [0, 1, 120_000])
def test_it_is_what_the_envelope_would_say(microsecond: int) -> None:
    event = outbox_event(
        "s1",
        7,
        time=TIME.replace(microsecond=microsecond),
        correlation_id="ü",
        carried={"hops": 3, "tracestate": "a=1", "traceparent": "00-1", "test": True},
        data={"text": "ü\n"},
    )
    body = encode(event, "gateway")
    assert body == Envelope.from_json(body).to_json()


def test_a_workers_event_comes_from_the_worker() -> None:
    envelope = announcement("gateway", "worker.stopped.v1", "w1", {"workerId": "w1"}, event_id="1", time=TIME)
    assert (envelope.source, envelope.subject, envelope.sequence) == ("/gateway/workers/w1", "w1", None)


def test_a_qr_comes_from_the_session_and_has_no_sequence() -> None:
    envelope = announcement("gateway", "session.status.v1", "s1", {}, event_id="1", time=TIME)
    assert (envelope.source, envelope.sequence) == ("/gateway/sessions/s1", None)


def test_only_the_content_is_left_out_of_a_large_event() -> None:
    event = outbox_event("s1", 1, data={"messageId": "m", "content": {"kind": "text", "text": "x"}})
    small = without_content(event)
    assert small.data == {"messageId": "m", "content": {"kind": "unsupported", "whatsappType": "too_large"}}
