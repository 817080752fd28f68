"""Identifiers and sizes that every part of the contract uses."""

from collections.abc import Callable
from typing import Final, NewType

SessionId = NewType("SessionId", str)
WorkerId = NewType("WorkerId", str)
UserId = NewType("UserId", str)
CommandId = NewType("CommandId", str)  # the id of a command's envelope
MessageId = NewType("MessageId", str)  # WhatsApp's id of a message

NewId = Callable[[], str]
"""Makes the id of what we say."""

SESSION_ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
RESERVED_SESSION_IDS: Final = frozenset({"uploads", "snapshots"})
"""What no session may be called, in any case: folders of the buckets, where those of sessions lie beside them."""

WORKER_ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"

MAX_COMMAND_BYTES: Final = 2 * 1024 * 1024  # 1 MiB of media is 1.4 MiB in base64
MAX_EVENT_BYTES: Final = 1024 * 1024
