"""What the connection manager counts. `operations` implements it with Prometheus; nothing here names a session."""

from typing import Final, Protocol

from gateway_worker.whatsapp.facts import Cause, ReceiptKind

LIMBO_KINDS: Final = ("not_run", "not_owned", "not_ending")
"""How a session may be in limbo: owned and not run, run and not owned, fenced and not ending."""


class SessionObserver(Protocol):
    """Told of what happens, synchronously; must not block or raise."""

    def connection_opened(self) -> None:
        """A socket is being opened."""

    def connection_ended(self, cause: Cause) -> None:
        """A socket is gone."""

    def logged_in(self, seconds: float) -> None:
        """A session is connected, `seconds` after its socket was opened."""

    def sessions_freed(self, count: int) -> None:
        """Sessions of a worker that died are nobody's now."""

    def session_mended(self, kind: str) -> None:
        """A session was in limbo, and is taken care of; `kind` is one of `LIMBO_KINDS`."""

    def alarm(self, code: str) -> None:
        """Something an operator should look at, by its reason's code (``session.replaced`` …)."""

    def message_begun(self) -> None:
        """An outgoing message is durable."""

    def message_sent(self, seconds: float) -> None:
        """WhatsApp's server acknowledged a message, `seconds` after it arrived here."""

    def message_failed(self, code: str) -> None:
        """A message failed for good."""

    def send_retried(self) -> None:
        """A message is sent again under the same id."""

    def receipt_stored(self, kind: ReceiptKind) -> None:
        """A receipt moved a message's status."""

    def receipt_ignored(self, kind: ReceiptKind) -> None:
        """A receipt moved nothing: not ours, or nothing new."""

    def message_received(self, kind: str) -> None:
        """An incoming message is stored."""

    def set_aside(self, reason: str) -> None:
        """Something that came could not be told as it should be: it is kept as it came."""

    def file_fetched(self, seconds: float) -> None:
        """The file of an incoming message is in the bucket, `seconds` after this try began."""

    def file_delayed(self, reason: str) -> None:
        """A file could not be fetched just now: it is tried again. `reason` is one of a few words."""

    def file_failed(self, code: str) -> None:
        """A file will not be fetched any more."""

    def file_held(self) -> None:
        """Our bucket or disk is in the way of an outgoing file: it is tried again, and its chat waits."""

    def file_uploaded(self, seconds: float) -> None:
        """WhatsApp's media host has taken the file of an outgoing message, in `seconds`."""

    def file_reused(self) -> None:
        """A file lay at WhatsApp's media host already."""

    def upload_failed(self) -> None:
        """An upload failed while its connection lived; mostly it is tried again."""

    def snapshot_stored(self) -> None:
        """A session's snapshot is in its bucket."""

    def snapshot_failed(self) -> None:
        """A snapshot could not be stored or removed; mostly it is tried again."""


class UnobservedSessions:
    """An `SessionObserver` that looks away."""

    def connection_opened(self) -> None: ...  # noqa: D102 (see SessionObserver)
    def connection_ended(self, cause: Cause) -> None: ...  # noqa: D102
    def logged_in(self, seconds: float) -> None: ...  # noqa: D102
    def sessions_freed(self, count: int) -> None: ...  # noqa: D102
    def session_mended(self, kind: str) -> None: ...  # noqa: D102
    def alarm(self, code: str) -> None: ...  # noqa: D102
    def message_begun(self) -> None: ...  # noqa: D102
    def message_sent(self, seconds: float) -> None: ...  # noqa: D102
    def message_failed(self, code: str) -> None: ...  # noqa: D102
    def send_retried(self) -> None: ...  # noqa: D102
    def receipt_stored(self, kind: ReceiptKind) -> None: ...  # noqa: D102
    def receipt_ignored(self, kind: ReceiptKind) -> None: ...  # noqa: D102
    def message_received(self, kind: str) -> None: ...  # noqa: D102
    def set_aside(self, reason: str) -> None: ...  # noqa: D102
    def file_fetched(self, seconds: float) -> None: ...  # noqa: D102
    def file_delayed(self, reason: str) -> None: ...  # noqa: D102
    def file_failed(self, code: str) -> None: ...  # noqa: D102
    def file_held(self) -> None: ...  # noqa: D102
    def file_uploaded(self, seconds: float) -> None: ...  # noqa: D102
    def file_reused(self) -> None: ...  # noqa: D102
    def upload_failed(self) -> None: ...  # noqa: D102
    def snapshot_stored(self) -> None: ...  # noqa: D102
    def snapshot_failed(self) -> None: ...  # noqa: D102
