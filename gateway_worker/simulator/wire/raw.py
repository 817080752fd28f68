"""Bytes that are sent in a message's place, whether they are one or not. Pure.

A `Message` carries them in a field that WhatsApp does not have; what else knows of messages sees an empty one.
"""

from typing import Final

from google.protobuf.unknown_fields import UnknownFieldSet

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message

_FIELD: Final = 2**29 - 1
"""The last number that protobuf has."""
_DEVICE_SENT: Final = Message.DEVICESENTMESSAGE_FIELD_NUMBER
_INNER: Final = Message.DeviceSentMessage.MESSAGE_FIELD_NUMBER
_SEVEN_BITS: Final = 0x7F


def from_raw(content: bytes) -> Message:
    """A message that leaves as these bytes."""
    return Message.FromString(_delimited(_FIELD, content))


def device_sent_raw(content: bytes, chat: str) -> Message:
    """A message that leaves as what own devices get of these bytes."""
    inner = Message.DeviceSentMessage(destinationJid=chat).SerializeToString() + _delimited(_INNER, content)
    return from_raw(_delimited(_DEVICE_SENT, inner))


def raw_of(message: Message) -> bytes | None:
    """The bytes as which a message leaves, where they were given; else None."""
    for field in UnknownFieldSet(message):  # pyright: ignore[reportUnknownVariableType, reportGeneralTypeIssues] (no stubs)
        if field.field_number == _FIELD:
            return field.data
    return None


def to_wire(message: Message) -> bytes:
    """What is encrypted for a message."""
    raw = raw_of(message)
    return message.SerializeToString() if raw is None else raw


def _delimited(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > _SEVEN_BITS:
        written.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
