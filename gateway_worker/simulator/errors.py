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


class Invalid(ControlError):
    """The request itself is wrong."""

    status = 400


class NotFound(ControlError):
    """What the request names does not exist."""

    status = 404


class Conflict(ControlError):
    """Not possible in the present state."""

    status = 409


class Gone(ControlError):
    """It was valid once."""

    status = 410
