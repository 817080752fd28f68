"""The stored messages that commands are about: quoted, edited, revoked, reacted to or forwarded, as they stand now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Messages
from gateway_worker.connections.messages.current import CHANGES_OF_CONTENT, current_message
from gateway_worker.connections.messages.files import has_caption
from gateway_worker.connections.messages.naming import one_of
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.records import MessageRecord
from gateway_worker.whatsapp.outgoing import Original
from schemas.addresses import Jid
from schemas.commands.messages import EditMessage, ForwardMessage, OutgoingCommand, Reference, SendMessage, VoteInPoll
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
    """Finds the originals of one session. `own` tells the account's JID."""

    def __init__(
        self, session_id: SessionId, messages: Messages, identities: Identities, own: Callable[[], str | None]
    ) -> None:
        self._session_id = session_id
        self._messages = messages
        self._identities = identities
        self._own = own

    async def find(self, data: OutgoingCommand) -> Referred | None:
        """The message it is about; None when there is none, or it is not stored as far as it is needed."""
        if data.refers_to is None:
            return None
        record = await self.named(data.refers_to, first_in=data.recipient, ours=isinstance(data, EditMessage))
        if record is None:
            return None
        plaintext = None
        if _needs_plaintext(data, record):
            name = record.message_id, record.number
            plaintext = await until_stored(lambda: self._messages.plaintext(self._session_id, *name))
            if plaintext is None:
                return None
        return await self.as_it_stands(record, plaintext)

    async def named(
        self, reference: Reference, *, first_in: Jid | None = None, ours: bool = False
    ) -> MessageRecord | None:
        """The stored message that is meant, of those by us if that is said; see `naming.one_of`."""
        found = await until_stored(lambda: self._messages.under(self._session_id, reference.message_id))
        mine = [each for each in found if each.from_me] if ours else ()
        names_of, own = self._identities.all_names, self._identities.all_names(self._own() or "")
        return one_of(mine or found, reference, names_of, own=own, first_in=first_in)

    async def as_it_stands(self, record: MessageRecord, plaintext: bytes | None) -> Referred:
        """What became of it. What we have begun to do to it counts: it goes out before whatever is asked for now."""
        changes = await until_stored(
            lambda: self._messages.changes(self._session_id, [record.message_id], _MAX_CHANGES)
        )
        now = current_message(self._named_once(record), [self._named_once(each) for each in changes], begun_counts=True)
        content = now.content or record.content
        said = content.get("text") or content.get("caption") or ""
        return Referred(
            record=replace(record, content=content),
            plaintext=plaintext,
            edited=None if now.edited_at is None else str(said),
            is_revoked=now.revoked_at is not None,
        )

    async def options_of(self, poll: MessageRecord) -> Sequence[str]:
        """Of a poll, as it is now: with those that were added since."""
        changes = await until_stored(
            lambda: self._messages.changes(self._session_id, [poll.message_id], _MAX_CHANGES, kinds=CHANGES_OF_CONTENT)
        )
        now = current_message(self._named_once(poll), [self._named_once(each) for each in changes])
        return cast("Sequence[str]", (now.content or poll.content).get("options", ()))

    async def is_revoked(self, message_id: MessageId) -> bool:
        """Whether a message of ours was deleted for everyone, or is about to be: it must not leave (again)."""
        record = await until_stored(lambda: self._messages.get(self._session_id, message_id))
        return record is not None and (await self.as_it_stands(record, None)).is_revoked

    def _named_once(self, record: MessageRecord) -> MessageRecord:
        """With its sender, and whose message it changes, under the one name of that person."""
        author = record.content.get("author")
        if isinstance(author, str):
            record = replace(record, content={**record.content, "author": self._identities.chat_of(Jid(author))})
        return record if record.sender is None else replace(record, sender=self._identities.chat_of(Jid(record.sender)))


def _needs_plaintext(data: OutgoingCommand, record: MessageRecord) -> bool:
    """Whether the WAProto of the original, `record`, is needed, not only its name.

    A caption is sent with its file, a vote is sealed with the poll's secret.
    """
    if isinstance(data, EditMessage):
        return has_caption(record)
    return isinstance(data, SendMessage | ForwardMessage | VoteInPoll)
