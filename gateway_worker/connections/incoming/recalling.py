"""Stored messages that the engine asks for: to send them again, or to read what refers to them."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.connections.base.storage import Keys, Messages
from gateway_worker.connections.messages.originals import Originals
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.authors import Person, same_author
from gateway_worker.store.records import MessageRecord
from gateway_worker.whatsapp.incoming import StoredOriginal
from gateway_worker.whatsapp.outgoing import SentMessage
from schemas.addresses import Jid
from schemas.names import MessageId, SessionId

_MOST_ORIGINALS: Final = 4


class Recall:
    """Finds the stored messages of one session."""

    def __init__(self, session_id: SessionId, keys: Keys, messages: Messages, identities: Identities) -> None:
        self._session_id = session_id
        self._keys = keys
        self._messages = messages
        self._identities = identities
        self._originals = Originals(session_id, messages, identities, lambda: None)

    async def sent(self, message_id: MessageId, chat: str | None) -> SentMessage | None:
        """A message of ours, to be sent again to who could not read it; None also for what was deleted since."""
        record = await self._messages.get(self._session_id, message_id)
        if chat is not None and (record is None or not self._identities.may_be_one(Jid(record.chat), Jid(chat))):
            return None
        plaintext = await self._messages.plaintext(self._session_id, message_id)
        if plaintext is None or record is None:
            return None if plaintext is None else SentMessage(plaintext=plaintext)
        now = await self._originals.as_it_stands(record, plaintext)
        return None if now.is_revoked else SentMessage(plaintext=plaintext, edited=now.edited)

    async def originals(self, message_id: MessageId, chat: str, author: str | None) -> Sequence[StoredOriginal]:
        """The messages of a chat under an id, a few at most; of `author` first (as in `ReceivedChange`)."""
        names_of = self._identities.all_names
        said = None if author is None else Person.of(author == "", *names_of(author))
        found: list[tuple[bool, MessageRecord]] = []
        for record in await self._messages.under(self._session_id, message_id):
            if not names_of(chat).isdisjoint(names_of(record.chat)):
                wrote = Person.of(record.from_me, *names_of(record.sender or record.chat))
                found.append((said is not None and not same_author(record.chat, said, wrote), record))
        likeliest = [record for _, record in sorted(found, key=lambda each: each[0])][:_MOST_ORIGINALS]
        originals = [await self._original(record) for record in likeliest]
        stored = [each for each in originals if each is not None]
        return stored if likeliest else await self._quoted(message_id, chat)

    async def _quoted(self, message_id: MessageId, chat: str) -> Sequence[StoredOriginal]:
        """What others quoted of a message that is not stored."""
        names_of = self._identities.all_names
        return [
            StoredOriginal(plaintext=each.plaintext, authors=sorted(names_of(each.sender)), from_me=False)
            for each in await self._keys.quoted(self._session_id, message_id)
            if not names_of(chat).isdisjoint(names_of(each.chat))
        ]

    async def _original(self, record: MessageRecord) -> StoredOriginal | None:
        plaintext = await self._messages.plaintext(self._session_id, record.message_id, record.number)
        if plaintext is None:
            return None
        names = self._identities.all_names(record.sender or record.chat)
        return StoredOriginal(
            plaintext=plaintext,
            authors=[] if record.from_me else sorted(names),
            from_me=record.from_me,
            options=await self._originals.options_of(record) if record.kind == "poll" else (),
        )
