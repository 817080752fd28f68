"""What goes over the wire: ids, properties, and reading a stranger's bytes."""

import uuid
from typing import Any

import pytest
from pamqp import decode
from pamqp.frame import unmarshal

from gateway_worker.broker import frames
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.leniency import read_leniently
from gateway_worker.broker.outgoing import Outgoing


def test_ids_are_of_version_7_and_sort_by_time() -> None:
    ids = [uuid7() for _ in range(1_000)]
    assert {uuid.UUID(each).version for each in ids} == {7}
    assert {uuid.UUID(each).variant for each in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == 1_000
    assert [each[:13] for each in ids] == sorted(each[:13] for each in ids)


def unframed(data: bytes) -> list[Any]:
    """The frames in some bytes, read by the driver."""
    read: list[Any] = []
    while data:
        consumed, channel, frame = unmarshal(data)
        assert channel == 7
        read.append(frame)
        data = data[consumed:]
    return read


@pytest.mark.parametrize("size", [0, 1, 4_088, 4_089, 20_000])
def test_a_publish_is_what_the_driver_understands(size: int) -> None:
    message = Outgoing(
        exchange="gateway.events",
        routing_key="message.status.ü",
        body=b"x" * size,
        message_id="ignored",
        correlation_id="ü",
        reply_to="r",
        expiration="60000",
        headers={"text": "ü", "number": 2**40, "truth": True, "fraction": 1.5},
    )
    method, header, *bodies = unframed(frames.publish(7, message, message_id="1", max_content=4_088))
    assert (method.name, method.exchange, method.routing_key, method.mandatory) == (
        "Basic.Publish",
        "gateway.events",
        "message.status.ü",
        True,
    )
    properties = header.properties
    assert header.body_size == size
    assert (properties.message_id, properties.correlation_id, properties.reply_to) == ("1", "ü", "r")
    assert (properties.expiration, properties.delivery_mode) == ("60000", 2)
    assert properties.content_type == "application/cloudevents+json"
    assert properties.headers == message.headers
    assert b"".join(body.value for body in bodies) == message.body
    assert all(len(body.value) <= 4_088 for body in bodies)


def test_the_least_a_publish_can_be() -> None:
    message = Outgoing(exchange="", routing_key="q", body=b"x", message_id=None, content_type=None)
    _, header, _ = unframed(frames.publish(7, message, message_id="1", max_content=4_088))
    assert (header.properties.content_type, header.properties.headers, header.properties.reply_to) == (None, None, None)


@pytest.mark.parametrize("text", ["x" * 256, "ü" * 128])
def test_what_does_not_fit_amqp_is_left_to_the_envelope(text: str) -> None:
    message = Outgoing(exchange="", routing_key="q", body=b"x", message_id=None, correlation_id=text, reply_to=text)
    _, header, _ = unframed(frames.publish(7, message, message_id=text, max_content=4_088))
    properties = header.properties
    assert (properties.message_id, properties.correlation_id, properties.reply_to) == (None, None, None)


def test_a_routing_key_that_is_too_long_is_an_error() -> None:
    message = Outgoing(exchange="", routing_key="x" * 256, body=b"", message_id=None)
    with pytest.raises(ValueError, match="longer"):
        frames.publish(7, message, message_id="1", max_content=4_088)


@pytest.mark.parametrize("tag", [1, 2**40])
@pytest.mark.parametrize("multiple", [False, True])
def test_an_ack_is_what_the_driver_understands(tag: int, *, multiple: bool) -> None:
    (frame,) = unframed(frames.ack(7, tag, multiple=multiple))
    assert (frame.name, frame.delivery_tag, frame.multiple) == ("Basic.Ack", tag, multiple)


@pytest.mark.parametrize(
    ("data", "text"), [(b"\x02\xff\xfe", "\ufffd\ufffd"), ("\x02ü".encode(), "ü"), (b"\x01ab", "a"), (b"\x00", "")]
)
def test_text_that_is_not_utf8_is_read_all_the_same(data: bytes, text: str) -> None:
    read_leniently()
    assert decode.by_type(data, "shortstr") == (1 + data[0], text)


def test_a_time_beyond_all_calendars_is_read_all_the_same() -> None:
    read_leniently()
    assert decode.by_type(b"\x7f" * 8, "timestamp")[0] == 8


def test_headers_with_an_unreadable_name_say_that_there_was_one() -> None:
    read_leniently()
    assert decode.by_type(b"\0\0\0\x06\x02\xff\xfeS\0\0", "table") == (10, {"x-gateway-unreadable": True})
