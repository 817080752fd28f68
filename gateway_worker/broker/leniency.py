"""Reading what a stranger publishes without falling over it.

The broker passes on any bytes in a property, a header or a routing key. The driver's decoder raises on text that is not
UTF-8 and on times beyond the year 9999, in the reader of the whole connection: a single such message would end the
connection of every worker it is delivered to, again and again. So these three decoders are replaced by patient ones.
"""

import struct
from datetime import UTC, datetime
from typing import Final

from pamqp import decode
from pamqp.common import FieldTable

UNREADABLE: Final = "x-gateway-unreadable"
"""Header that stands for all headers of a message of which one could not be read."""

_LENGTH: Final = struct.Struct(">I")


def read_leniently() -> None:
    """Replace the driver's decoders, for the whole process. Idempotent."""
    decode.METHODS["shortstr"] = _short_text
    decode.METHODS["timestamp"] = _timestamp
    decode.METHODS["table"] = _table


def _short_text(value: bytes) -> tuple[int, str]:
    """Text of at most 255 bytes; what is not UTF-8 becomes U+FFFD."""
    end = 1 + value[0]
    return end, value[1:end].decode(errors="replace")


def _timestamp(value: bytes) -> tuple[int, datetime]:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, datetime.fromtimestamp(0, UTC)


def _table(value: bytes) -> tuple[int, FieldTable]:
    """All headers, or `UNREADABLE` alone if one of them cannot be read."""
    try:
        return decode.field_table(value)
    except (ValueError, OverflowError, OSError):
        return 4 + _LENGTH.unpack_from(value)[0], {UNREADABLE: True}
