"""How a call to the bridge fails. Pure."""

from collections.abc import Mapping
from typing import Any


class ChannelLost(ConnectionError):  # noqa: N818 (reads as the fact it is)
    """The bridge is gone; whether it acted on the call is unknown."""


class CallFailed(Exception):  # noqa: N818 (reads as the fact it is)
    """The bridge answered a call with a failure. `kind` is its name, `details` what came with it.

    `abandoned`: it did not answer, and the connection that the call was about is over.
    """

    def __init__(self, kind: str, details: Mapping[str, Any], *, abandoned: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.details = details
        self.abandoned = abandoned
