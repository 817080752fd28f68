"""What a companion client learns from its server. Pure values."""

from dataclasses import dataclass

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.world.jids import Jid


@dataclass(frozen=True, slots=True)
class QrShown:
    """A QR code to scan; `next_qr` shows the following ones."""

    text: str


@dataclass(frozen=True, slots=True)
class Paired:
    """We are a device of an account. The server ends the stream (515); log in with the same credentials."""

    jid: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Logged in, prekeys published, what waited offline has arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message, decrypted and confirmed. `chat` and `sender` are as in the stanza; `own` is a copy of our own."""

    message_id: str
    chat: str
    sender: Jid
    own: bool
    message: Message


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message we could not read; it was refused."""

    message_id: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server has our message, or refuses it with `error`."""

    message_id: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptArrived:
    """A device says it has (`kind` empty), read or could not read (`retry`) our message."""

    message_id: str
    sender: str
    kind: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The server refuses us or ends the stream: WhatsApp's code (515 = log in again), or the kind of conflict."""

    code: str


Event = QrShown | Paired | Ready | Received | Unreadable | Acknowledged | ReceiptArrived | Ended
