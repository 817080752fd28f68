"""Which account a number leads to: asked of WhatsApp before the first message to it, and kept.

WhatsApp knows an account by one number, however people dial it: Brazilian mobiles with or without their ninth digit for
instance. What is sent to another spelling arrives, and everything that comes back names the account's own number.
"""

import asyncio
from collections.abc import Iterable
from weakref import WeakValueDictionary

from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.spellings import spelling_keys
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.whatsapp.errors import RecipientUnknown
from gateway_worker.whatsapp.people import ContactCheck
from gateway_worker.whatsapp.port import Connection
from schemas.addresses import Jid, jid_of_phone, phone_of


class Resolver:
    """Finds the chats of one session's numbers."""

    def __init__(self, writer: Writer, identities: Identities) -> None:
        self._writer = writer
        self._identities = identities
        self._asking: WeakValueDictionary[Jid, asyncio.Lock] = WeakValueDictionary()

    def chat_of(self, jid: Jid) -> Jid:
        """The chat's name as far as it is known: nobody is asked. See `Identities.chat_of`."""
        return self._identities.chat_of(jid)

    async def on(self, connection: Connection, jid: Jid) -> Jid:
        """The chat's name; asked on this connection if nobody knows it yet, once for all who want to know.

        Raises:
            RecipientUnknown: the number is not on WhatsApp.
            EngineError: WhatsApp could not be asked.
            StaleEpoch: another worker owns the session.
        """
        async with self._asking.setdefault(jid, asyncio.Lock()):
            phone = phone_of(jid)
            if self._identities.is_settled(jid) or phone is None:
                return self._identities.chat_of(jid)
            (check,) = await connection.check_contacts([phone])
            await self.learn([check])
        if not check.exists or check.jid is None:
            raise RecipientUnknown("the number is not on WhatsApp")
        return self._identities.chat_of(Jid(check.jid))

    async def learn(self, checks: Iterable[ContactCheck]) -> None:
        """WhatsApp has said of numbers whose they are. Raises StaleEpoch."""
        found = {str(jid_of_phone(each.phone)): each.jid for each in checks if each.exists and each.jid is not None}
        fresh = {written: chat for written, chat in found.items() if not self._is_known(Jid(written), chat)}
        self._identities.learn_spellings(fresh)  # before it is stored, as in `Intake.commit`
        if others := {written: chat for written, chat in fresh.items() if written != chat}:
            await self._writer.write_surely(spelling_keys(others), JoinChats(chats=others))

    def _is_known(self, written: Jid, chat: str) -> bool:
        return self._identities.is_settled(written) and self._identities.chat_of(written) == chat
