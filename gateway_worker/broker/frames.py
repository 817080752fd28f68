"""The two things a worker says thousands of times a minute, as AMQP 0-9-1 bytes: a publish and an ack. Pure.

The driver builds the same bytes from generic tables: measured on 2 cores, a publish through it costs 0.22 ms of CPU;
in this way 0.04 ms (0.02 where several go out together). Everything else is left to the driver.
"""

import struct
from typing import Final

from pamqp import encode

from gateway_worker.broker.outgoing import Outgoing

SHORT_TEXT: Final = 255  # bytes: AMQP's limit for properties and routing keys

_METHOD, _HEADER, _BODY = 1, 2, 3
_END: Final = b"\xce"
_FRAME: Final = struct.Struct(">BHI")  # kind, channel, size
_BASIC: Final = 60  # the class of everything here
_PUBLISH: Final = struct.pack(">HHH", _BASIC, 40, 0)
_MANDATORY: Final = b"\x01"
_ACK: Final = struct.Struct(">HHQ?")
_CONTENT: Final = struct.Struct(">HHQH")  # class, weight, size, which properties follow
_PERSISTENT: Final = b"\x02"
# Which properties a message has, in the order in which they are written.
_CONTENT_TYPE, _HEADERS, _DELIVERY_MODE = 0x8000, 0x2000, 0x1000
_CORRELATION_ID, _REPLY_TO, _EXPIRATION, _MESSAGE_ID = 0x0400, 0x0200, 0x0100, 0x0080


def publish(channel: int, message: Outgoing, *, message_id: str, max_content: int) -> bytes:
    """A mandatory, persistent publish.

    Args:
        channel: its number.
        message: what to say.
        message_id: stands in for the message's own, which may be missing.
        max_content: bytes that fit into one body frame.

    Raises:
        ValueError: the routing key is longer than 255 bytes.
    """
    method = _PUBLISH + _short(message.exchange) + _short(message.routing_key) + _MANDATORY
    body = message.body
    parts = [_frame(_METHOD, channel, method), _frame(_HEADER, channel, _properties(message, message_id))]
    parts += [_frame(_BODY, channel, body[at : at + max_content]) for at in range(0, len(body), max_content)]
    return b"".join(parts)


def ack(channel: int, tag: int, *, multiple: bool = False) -> bytes:
    """An ack of one delivery, or (`multiple`) of all that the channel holds up to it."""
    return _frame(_METHOD, channel, _ACK.pack(_BASIC, 80, tag, multiple))


def fits(text: str | None) -> bool:
    """Whether it can be a property or a routing key."""
    return text is not None and len(text.encode()) <= SHORT_TEXT


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > SHORT_TEXT:
        raise ValueError("longer than AMQP allows")
    return bytes((len(encoded),)) + encoded


def _properties(message: Outgoing, message_id: str) -> bytes:
    flags, parts = _DELIVERY_MODE, list[bytes]()
    if message.content_type is not None and fits(message.content_type):
        flags |= _CONTENT_TYPE
        parts.append(_short(message.content_type))
    if message.headers:
        flags |= _HEADERS
        parts.append(encode.field_table(dict(message.headers)))
    parts.append(_PERSISTENT)
    for flag, text in (
        (_CORRELATION_ID, message.correlation_id),
        (_REPLY_TO, message.reply_to),
        (_EXPIRATION, message.expiration),
        (_MESSAGE_ID, message_id),
    ):
        if text is not None and fits(text):
            flags |= flag
            parts.append(_short(text))
    return _CONTENT.pack(_BASIC, 0, len(message.body), flags) + b"".join(parts)
