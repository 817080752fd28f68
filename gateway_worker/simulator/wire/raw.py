"""Bytes that are sent in a message's place, whether they are one or not. Pure.

A `Message` carries them in a field that WhatsApp does not have; what else knows of messages sees an empty one.
"""

from typing import Final

from google.protobuf.unknown_fields import UnknownFieldSet

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message

_FIELD: Final = 2**29 - 1
"""The last number that protobuf has."""
_SEVEN_BITS: Final = 0x7F


def from_raw(content: bytes) -> Message:
    """A message that leaves as these bytes."""
    return Message.FromString(_varint(_FIELD << 3 | 2) + _varint(len(content)) + content)


def to_wire(message: Message) -> bytes:
    """What is encrypted for a message."""
    for field in UnknownFieldSet(message):  # pyright: ignore[reportUnknownVariableType, reportGeneralTypeIssues] (no stubs)
        if field.field_number == _FIELD:
            return field.data
    return message.SerializeToString()


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > _SEVEN_BITS:
        written.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
