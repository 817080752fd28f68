"""What the control API answers when it cannot do what it was asked.

ControlError (status, code, message)
├── Invalid      400: the request itself is wrong
├── NotFound     404: no such phone, message, fault …
├── Conflict     409: not in the present state
└── Gone         410: a QR code or pairing code that is no longer valid
"""


class ControlError(Exception):
    """Answered as `{"code", "message"}`; `code` is stable, `message` is for people."""

    status = 500

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(ControlError):  # noqa: N818 - reads as the answer it becomes
    """The request itself is wrong."""

    status = 400


class NotFound(ControlError):  # noqa: N818 - reads as the answer it becomes
    """What the request names does not exist."""

    status = 404


class Conflict(ControlError):  # noqa: N818 - reads as the answer it becomes
    """Not possible in the present state."""

    status = 409


class Gone(ControlError):  # noqa: N818 - reads as the answer it becomes
    """It was valid once."""

    status = 410
