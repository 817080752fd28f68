"""What an engine could not do. Pure.

Errors an engine raises::

    EngineError                 the base; `retryable` says if the same call may succeed later on a new connection
    ├── NotConnected            there is no open connection (any more); nothing has left
    ├── OutcomeUnknown          the stanza left, or may have left, and no acknowledgement came
    ├── Refused                 WhatsApp's server refused it, with a code of its own
    ├── UploadFailed            WhatsApp's media host did not take a file
    ├── NotOnPhone              the phone does not have the file of a message any more
    ├── NotPairing              no such step of a pairing is due; nothing has left
    ├── PasskeyUnanswered       the assertion has left, and WhatsApp did not answer
    ├── RecipientUnknown        the number is not on WhatsApp
    ├── KeysInvalid             WhatsApp gave no valid keys of the recipient's devices; nothing has left
    ├── NotForwardable          nobody may pass the message on: it is to be viewed once, or counts in its own chat alone
    ├── StateUnreadable         the app state cannot be changed as long as it cannot be read; nothing has left
    ├── NotAdmin                only an admin of the group may do that, and we are none; nothing has left
    └── StoreRefused            a write of the owner failed or was fenced off; the connection has been closed
"""


class EngineError(Exception):
    """Something an engine could not do."""

    retryable = False


class NotConnected(EngineError):  # noqa: N818 (reads as the fact it is)
    """No open connection: nothing has left for WhatsApp."""

    retryable = True


class OutcomeUnknown(EngineError):  # noqa: N818 (reads as the fact it is)
    """The stanza may have reached WhatsApp, only its acknowledgement is missing. Safe to repeat under the same id."""

    retryable = True


class StoreRefused(EngineError):  # noqa: N818 (reads as the fact it is)
    """The owner's store failed or fenced the write; the engine has closed the connection and forgotten its memory."""

    retryable = True


class Refused(EngineError):  # noqa: N818 (reads as the fact it is)
    """WhatsApp's server refused a stanza.

    Args:
        code: WhatsApp's own code, e.g. ``"463"`` (restricted, or no privacy token for a new contact).
        text: WhatsApp's words, when it sent any.
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"refused by WhatsApp with {code}")
        self.code = code
        self.text = text


class RecipientUnknown(EngineError):  # noqa: N818 (reads as the fact it is)
    """The recipient's number is not on WhatsApp."""


class KeysInvalid(EngineError):  # noqa: N818 (reads as the fact it is)
    """What WhatsApp gave of the recipient's keys is not valid: nothing could be encrypted, nothing has left.

    Its text says why.
    """

    retryable = True


class NotForwardable(EngineError):  # noqa: N818 (reads as the fact it is)
    """Nobody may pass the message on.

    Args:
        whatsapp_type: what it is, by the field of WAProto; None: it is to be viewed once.
    """

    def __init__(self, whatsapp_type: str | None = None) -> None:
        super().__init__("not to be passed on")
        self.whatsapp_type = whatsapp_type


class NotAdmin(EngineError):  # noqa: N818 (reads as the fact it is)
    """Only an admin of the group may do that."""


class StateUnreadable(EngineError):  # noqa: N818 (reads as the fact it is)
    """The phone has not shared the app state's key yet, or what lies at WhatsApp does not fit: nothing has left."""

    retryable = True


class UploadFailed(EngineError):  # noqa: N818 (reads as the fact it is)
    """WhatsApp's media host did not take a file; it may the next time."""

    retryable = True


class NotPairing(EngineError):  # noqa: N818 (reads as the fact it is)
    """No such step of a pairing is due: nothing has left."""


class PasskeyUnanswered(EngineError):  # noqa: N818 (reads as the fact it is)
    """The assertion has left, or may have, and WhatsApp did not answer."""


class NotOnPhone(EngineError):  # noqa: N818 (reads as the fact it is)
    """The phone does not have the file of a message (any more), or will not give it."""
