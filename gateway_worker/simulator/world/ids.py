"""What names a live connection. Pure."""

from typing import NewType

ConnectionId = NewType("ConnectionId", int)
