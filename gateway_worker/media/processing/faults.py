"""What is wrong with a file, as it is answered. Pure."""

from typing import Literal


class Fault(Exception):  # noqa: N818 (a fact about the file)
    """`code` is that of a media error without its domain, `reason` is stable, `detail` what was found and the limit."""

    def __init__(self, code: Literal["unsupported", "too_large"], reason: str, **detail: str | float | None) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.detail = {name: value for name, value in detail.items() if value is not None}
