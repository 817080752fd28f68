"""Ids of events: ULIDs, 48 bits of milliseconds and 80 random bits in Crockford's base 32. They sort by time."""

import os
from datetime import datetime
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 26


def new_event_id(time: datetime) -> str:
    """A new id, 26 characters."""
    number = int(time.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
