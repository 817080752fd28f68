"""What is wrong with a file, as the workshop tells it. Pure."""

from typing import Literal


class Fault(Exception):  # noqa: N818 (a fact about the file)
    """`code` is that of a media error without its domain; `reason` is stable."""

    def __init__(self, code: Literal["unsupported", "too_large"], reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
