"""What goes over the wire: ids, properties, and reading a stranger's bytes."""

import uuid

import pytest
from pamqp import decode

from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.leniency import read_leniently
from gateway_worker.broker.outgoing import Outgoing


def test_ids_are_of_version_7_and_sort_by_time() -> None:
    ids = [uuid7() for _ in range(1_000)]
    assert {uuid.UUID(each).version for each in ids} == {7}
    assert {uuid.UUID(each).variant for each in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == 1_000
    assert [each[:13] for each in ids] == sorted(each[:13] for each in ids)


@pytest.mark.parametrize("text", ["x" * 256, "ü" * 128])
def test_what_does_not_fit_amqp_is_left_to_the_envelope(text: str) -> None:
    properties = Outgoing(exchange="", routing_key="q", body=b"", message_id=text, correlation_id=text).properties()
    assert (properties.message_id, properties.correlation_id) == (None, None)


def test_a_publish_is_persistent_and_says_what_it_is() -> None:
    properties = Outgoing(exchange="", routing_key="q", body=b"", message_id="1").properties()
    assert (properties.delivery_mode, properties.content_type) == (2, "application/cloudevents+json")


@pytest.mark.parametrize(
    ("data", "text"), [(b"\x02\xff\xfe", "\ufffd\ufffd"), ("\x02ü".encode(), "ü"), (b"\x01ab", "a"), (b"\x00", "")]
)
def test_text_that_is_not_utf8_is_read_all_the_same(data: bytes, text: str) -> None:
    read_leniently()
    assert decode.by_type(data, "shortstr") == (1 + data[0], text)


def test_a_time_beyond_all_calendars_is_read_all_the_same() -> None:
    read_leniently()
    assert decode.by_type(b"\x7f" * 8, "timestamp")[0] == 8


def test_headers_with_an_unreadable_name_are_left_out() -> None:
    read_leniently()
    assert decode.by_type(b"\0\0\0\x06\x02\xff\xfeS\0\0", "table") == (10, {})
