"""Messages that nobody's client writes: WAProto's own fields, each at its extremes, as bytes on the wire.

A message is drawn from a seed, so that hypothesis can draw seeds, hundreds at a time, and repeat the one that failed.
"""

import random
import struct
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message

_LARGE: Final = 300_000
_LARGEST: Final = 1_200_000
_DEEPEST: Final = 400
_MANY: Final = 3_000
_DEPTH: Final = 4
_PLAIN: Final = (
    "conversation",
    "extendedTextMessage",
    "imageMessage",
    "documentMessage",
    "audioMessage",
    "locationMessage",
    "contactMessage",
    "contactsArrayMessage",
    "pollCreationMessageV3",
    "pollUpdateMessage",
    "reactionMessage",
    "protocolMessage",
    "deviceSentMessage",
    "senderKeyDistributionMessage",
    "editedMessage",
)
_VARINTS: Final = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
_REALS: Final = (0.0, -0.0, 1e308, -1e308, float("inf"), float("-inf"), float("nan"), 91.0)
_TEXTS: Final[tuple[bytes, ...]] = (
    b"",
    b"hi",
    b"\x00",
    b"\x01" * 500,
    b"\xff\xfe",  # no UTF-8
    b"\xed\xa0\x80",  # half a surrogate pair
    "\U0001f600".encode() * 200,
    "\u202e\u0000\u2028".encode(),
    b"15550001111@s.whatsapp.net",
    b"x" * 12_000,
    b"@@@:::...",
    b"../../etc\\..",
)
_FIXED: Final[dict[int, tuple[int, list[bytes]]]] = {
    FieldDescriptor.TYPE_DOUBLE: (1, [struct.pack("<d", real) for real in _REALS]),
    FieldDescriptor.TYPE_FLOAT: (5, [struct.pack("<f", real) for real in (0.0, 91.0, float("inf"), float("nan"))]),
    FieldDescriptor.TYPE_FIXED64: (1, [struct.pack("<Q", number) for number in (0, 2**63, 2**64 - 1)]),
    FieldDescriptor.TYPE_SFIXED64: (1, [struct.pack("<q", number) for number in (0, -1, 2**63 - 1)]),
    FieldDescriptor.TYPE_FIXED32: (5, [struct.pack("<I", number) for number in (0, 2**32 - 1)]),
    FieldDescriptor.TYPE_SFIXED32: (5, [struct.pack("<i", number) for number in (0, -1)]),
}
"""Wire types and values of numbers that are no varints."""


def wild_message(seed: int) -> bytes:
    """One message, mostly of some bytes, now and then of a megabyte, or not even protobuf."""
    return _drawn(seed)[:_LARGEST]


def _drawn(seed: int) -> bytes:
    rng = random.Random(seed)
    match rng.randrange(40):
        case 0:
            return rng.randbytes(rng.choice((1, 20, 5_000)))
        case 1:
            whole = _message(rng, Message.DESCRIPTOR, _DEPTH)
            return whole[: rng.randrange(len(whole) + 1)]
        case 2:
            return _nested(rng)
        case _:
            return _plain(rng) + _message(rng, Message.DESCRIPTOR, _DEPTH) * rng.choice((0, 0, 1))


def wild_id(seed: int) -> str:
    """An id for its stanza: mostly one that can be, and never one that another seed has."""
    kind = seed % 8
    return f"W{seed:X}" + {0: "y" * 12_000, 1: " \u00e9\u0001"}.get(kind, "")


def _plain(rng: random.Random) -> bytes:
    """What a backend hears of, every field of it wild; or nothing."""
    name = rng.choice((*_PLAIN, None))
    if name is None:
        return b""
    field: Any = Message.DESCRIPTOR.fields_by_name[name]
    if field.type == FieldDescriptor.TYPE_STRING:
        return _value(rng, field, 1)
    fields: list[Any] = list(field.message_type.fields)
    drawn = rng.sample(fields, rng.choice((len(fields), len(fields) // 2)))
    return _delimited(field.number, b"".join(_field(rng, each, 2) for each in drawn))


def _message(rng: random.Random, kind: Any, depth: int) -> bytes:
    fields: list[Any] = list(kind.fields)
    if not fields:
        return b""
    count = len(fields) if rng.randrange(40) == 0 and depth < _DEPTH else rng.choice((1, 1, 2, 3))
    drawn = rng.sample(fields, min(count, len(fields)))
    return b"".join(_field(rng, field, depth) for field in drawn)


def _field(rng: random.Random, field: Any, depth: int) -> bytes:
    times = rng.choice((1, 1, 1, 2, 2, 5, 40, _MANY)) if field.is_repeated else 1
    one = _value(rng, field, depth)
    return one * min(times, max(1, _LARGE // len(one)))


def _value(rng: random.Random, field: Any, depth: int) -> bytes:
    match field.type:
        case FieldDescriptor.TYPE_MESSAGE:
            kind = field.message_type
            inner = b"" if kind is None or depth == 1 else _message(rng, kind, depth - 1)
            return _delimited(field.number, inner)
        case FieldDescriptor.TYPE_STRING:
            return _delimited(field.number, _text(rng))
        case FieldDescriptor.TYPE_BYTES:
            return _delimited(field.number, rng.choice((b"", bytes(32), bytes(33), _text(rng))))
        case kind if kind in _FIXED:
            wire, values = _FIXED[kind]
            return _varint(field.number << 3 | wire) + rng.choice(values)
        case _:
            return _varint(field.number << 3) + _varint(rng.choice(_VARINTS))


def _text(rng: random.Random) -> bytes:
    return rng.choice((b"\x01", b"z", "\u00e9".encode())) * _LARGE if rng.randrange(150) == 0 else rng.choice(_TEXTS)


def _nested(rng: random.Random) -> bytes:
    """A message in a message in a message."""
    wrapper: Any = Message.DESCRIPTOR.fields_by_name[
        rng.choice(("ephemeralMessage", "viewOnceMessage", "editedMessage"))
    ]
    number = wrapper.message_type.fields_by_name["message"].number
    inner = _delimited(1, b"deep")
    for _ in range(rng.choice((1, 9, 60, _DEEPEST))):
        inner = _delimited(wrapper.number, _delimited(number, inner))
    return inner


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
