"""The stored messages that commands are about: quoted, edited, revoked, reacted to or forwarded, as they stand now."""

from dataclasses import dataclass, replace

from gateway_worker.connections.changes import standing
from gateway_worker.connections.outgoing import needs_plaintext
from gateway_worker.connections.signals import until_stored
from gateway_worker.connections.storage import Messages
from gateway_worker.store.records import MessageRecord
from gateway_worker.whatsapp.outgoing import Original
from schemas.message_commands import OutgoingCommand
from schemas.names import MessageId, SessionId

_MAX_CHANGES = 1_000  # the newest: edits and revocations among more reactions than that are not seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """A stored message that a command is about; its content is what it says now.

    Attributes:
        plaintext: its serialised WAProto `Message`, as it was sent first; None where it is not needed.
        edited: the text or caption of the last edit; None if it was not edited.
        is_revoked: it was deleted for everyone.
    """

    record: MessageRecord
    plaintext: bytes | None
    edited: str | None
    is_revoked: bool

    def original(self, own_jid: str | None) -> Original:
        """What the engine is told of it; `own_jid` wrote it where nobody else did."""
        sender = own_jid if self.record.sender is None else self.record.sender
        return Original(
            message_id=self.record.message_id,
            sender=sender or self.record.chat,
            from_me=self.record.from_me,
            plaintext=self.plaintext,
            edited=self.edited,
        )


class Originals:
    """Finds the originals of one session."""

    def __init__(self, session_id: SessionId, messages: Messages) -> None:
        self._session_id = session_id
        self._messages = messages

    async def find(self, data: OutgoingCommand) -> Referred | None:
        """The message it is about; None when there is none, or it is not stored as far as it is needed."""
        if data.refers_to is None:
            return None
        message_id = MessageId(data.refers_to)
        record = await until_stored(lambda: self._messages.get(self._session_id, message_id))
        if record is None:
            return None
        plaintext = None
        if needs_plaintext(data, record):
            plaintext = await until_stored(lambda: self._messages.plaintext(self._session_id, message_id))
            if plaintext is None:
                return None
        return await self._as_it_stands(record, plaintext)

    async def _as_it_stands(self, record: MessageRecord, plaintext: bytes | None) -> Referred:
        changes = await until_stored(
            lambda: self._messages.changes(self._session_id, [record.message_id], _MAX_CHANGES)
        )
        now = standing(record, changes)
        content = now.content or record.content
        said = content.get("text") or content.get("caption") or ""
        return Referred(
            record=replace(record, content=content),
            plaintext=plaintext,
            edited=None if now.edited_at is None else str(said),
            is_revoked=now.revoked_at is not None,
        )
