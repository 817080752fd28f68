"""How far a message of ours is."""

from dataclasses import dataclass
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import Json, Status
from schemas.names import MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceStatus(Operation[bool]):
    """Move an outgoing message's status forward; answers whether it moved.

    Only a step forward writes its `message.status` event (see `ledger.advance`), with the command's id as its
    cause. A status that proves the server's acknowledgement before it came (a receipt overtaking it) writes `sent`
    first. An unknown message, and an incoming one, does not move.

    Attributes:
        status: sent, delivered, read, played or failed.
        at: when, by WhatsApp's clock where it told.
        error: ``{code, message, detail?}`` with failed.
        chat: the JID, when it is known only now.
        told_in: all names of the chat in which others tell it; what belongs to another chat does not move.
    """

    message_id: MessageId
    status: Status
    at: datetime
    error: Json | None = None
    chat: str | None = None
    chat_names: frozenset[str] | None = None

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceParticipant(Operation[bool]):
    """Move one participant's progress with a message to a group; answers whether it moved.

    Each step forward writes its `message.status` event, with `participant`. The message's own status goes with the
    first participant; what `AdvanceStatus` says of unknown messages, of failed ones and of the acknowledgement holds
    here too.

    Attributes:
        chat: the group's JID; what belongs to another chat does not move.
        participant: the JID of a person in the group.
        lid: that person's LID, where `participant` is the number's: an earlier receipt may stand under it.
        status: delivered, read or played.
        at: when, by WhatsApp's clock.
    """

    message_id: MessageId
    chat: str
    participant: str
    lid: str | None = None
    status: Status
    at: datetime

    def touched(self) -> Touched:
        """Not the message's row, which it reads as others of the same message left it.

        A hundred people may share a statement. Only a failure told in the same moment takes effect before it, and gives
        way to it.
        """
        return [("receipt", self.message_id, self.participant)]
