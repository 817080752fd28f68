"""Stored messages that the engine asks for: to send them again, or to read what refers to them."""

from gateway_worker.connections.identities import Identities
from gateway_worker.connections.originals import Originals
from gateway_worker.connections.storage import Messages
from gateway_worker.store.authors import Person, same_author
from gateway_worker.whatsapp.outgoing import SentMessage
from schemas.addresses import Jid
from schemas.names import MessageId, SessionId


class Recall:
    """Finds the stored messages of one session."""

    def __init__(self, session_id: SessionId, messages: Messages, identities: Identities) -> None:
        self._session_id = session_id
        self._messages = messages
        self._identities = identities
        self._originals = Originals(session_id, messages, identities, lambda: None)

    async def sent(self, message_id: MessageId, chat: str | None) -> SentMessage | None:
        """See `Owner.load_sent`."""
        record = await self._messages.get(self._session_id, message_id)
        if chat is not None and (record is None or not self._identities.may_be_one(Jid(record.chat), Jid(chat))):
            return None
        plaintext = await self._messages.plaintext(self._session_id, message_id)
        if plaintext is None or record is None:
            return None if plaintext is None else SentMessage(plaintext=plaintext)
        now = await self._originals.as_it_stands(record, plaintext)
        return None if now.is_revoked else SentMessage(plaintext=plaintext, edited=now.edited)

    async def poll(self, message_id: MessageId, chat: str, author: str | None) -> bytes | None:
        """See `Owner.load_poll`."""
        names_of = self._identities.all_names
        said = None if author is None else Person.of(author == "", *names_of(author))
        for record in await self._messages.under(self._session_id, message_id):
            if names_of(chat).isdisjoint(names_of(record.chat)):
                continue
            wrote = Person.of(record.from_me, *names_of(record.sender or record.chat))
            if said is None or same_author(record.chat, said, wrote):
                return await self._messages.plaintext(self._session_id, record.message_id, record.number)
        return None
