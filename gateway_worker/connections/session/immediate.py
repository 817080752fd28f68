"""What bypasses the order of chats: read receipts, presence, and asking who is on WhatsApp."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import OwnChats
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.connections.socket.waiting import ConnectionWaiter, connection_before, connection_soon
from gateway_worker.store.records import MessageRecord
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.errors import NotConnected, OutcomeUnknown, RecipientUnknown, Refused, StoreRefused
from gateway_worker.whatsapp.outgoing import MessageRef
from gateway_worker.whatsapp.people import Picture, PresenceState
from gateway_worker.whatsapp.port import Connection
from schemas.addresses import AddressKind, Jid, jid_of, kind_of
from schemas.commands.commands import Command
from schemas.commands.contacts import GetPicture
from schemas.commands.messages import CheckContacts, MarkRead, SetPresence
from schemas.errors import MessageNotFound, MessageRecipientUnknown, MessageRejectedByWhatsApp, SessionNotConnected
from schemas.names import MessageId
from schemas.results import Contact, ContactPicture, ContactsChecked, PictureState

_SEEN_BY_ALL = (PresenceState.AVAILABLE, PresenceState.UNAVAILABLE)
_PAUSE_SECONDS = 1.0  # before a question that WhatsApp left unanswered is put again

T = TypeVar("T")
Ask = Callable[[Connection], Awaitable[T]]


class ImmediateCommands:
    """Carries out at once what needs no order. All of it may be repeated without harm."""

    def __init__(
        self,
        writer: Writer,
        waiter: ConnectionWaiter,
        *,
        identities: Identities,
        resolver: Resolver,
        clock: Clock,
        storage: Storage,
        timeouts: Timeouts,
    ) -> None:
        self._session_id = writer.fence.session_id
        self._writer = writer
        self._own_chats = OwnChats(identities)
        self._resolver = resolver
        self._waiter = waiter
        self._clock = clock
        self._storage = storage
        self._timeouts = timeouts
        self._identities = identities

    async def mark_read(self, command: Command[MarkRead]) -> None:
        """Send read receipts; waits for the connection as a message does.

        Raises:
            MessageNotFound: one of them is not stored.
            GatewayError: there is no connection and none will come, or the command expired.
        """
        chat = jid_of(command.data.chat)
        found = [each for name in command.data.message_ids for each in await self._stored(MessageId(name), chat)]
        refs = [_ref(record, chat) for record in found if not record.from_me]
        if refs:
            await self.ask(command, lambda connection: connection.mark_read(refs))
            read = self._own_chats.read_elsewhere(chat, [ref.message_id for ref in refs], self._clock.now())
            await self._writer.write_surely(read)

    async def ask(self, command: Command[Any], ask: Ask[T]) -> T:
        """Ask what waits for the connection as a message does.

        Raises:
            GatewayError: WhatsApp refused it, there is no connection and none will come, or the command expired.
        """

        async def find() -> ConnectionAttempt:
            return await connection_before(self._waiter, command.expires_at, self._clock)

        return await self._ask(find, ask)

    async def set_presence(self, command: Command[SetPresence]) -> None:
        """Show a chat what we do, or that we do not.

        Raises:
            SessionNotConnected: there is no connection, and none came back soon enough.
            MessageRecipientUnknown: the number is not on WhatsApp.
            GatewayError: none will come by itself.
        """
        to, state = jid_of(command.data.to), PresenceState(command.data.state)

        async def show(connection: Connection) -> None:
            chat = to if state in _SEEN_BY_ALL else await self._resolver.on(connection, to)
            await connection.send_presence(chat, state)

        await self.ask_soon(show)

    async def check_contacts(self, command: Command[CheckContacts]) -> ContactsChecked:
        """Ask WhatsApp which numbers it knows. Raises as `set_presence`."""
        phones = command.data.phones
        checks = await self.ask_soon(lambda attempt: attempt.check_contacts(phones))
        await self._resolver.learn(checks)
        found = {each.phone: each for each in checks}
        return ContactsChecked(
            contacts=[
                Contact(phone=phone, exists=found[phone].exists, jid=found[phone].jid, lid=found[phone].lid)
                if phone in found
                else Contact(phone=phone, exists=False)
                for phone in phones
            ]
        )

    async def get_picture(self, command: Command[GetPicture]) -> ContactPicture:
        """Ask WhatsApp where somebody's picture is.

        Raises:
            MessageRecipientUnknown: the number is not on WhatsApp.
            GatewayError: as `set_presence`.
        """
        preview = command.data.preview

        async def get(connection: Connection) -> tuple[Jid, Picture]:
            jid = await self._resolver.on(connection, command.data.jid)
            return jid, await connection.get_picture(jid, preview=preview)

        jid, found = await self.ask_soon(get)
        state = PictureState.HIDDEN if found.hidden else PictureState.NONE if found.url is None else PictureState.SHOWN
        return ContactPicture(to=command.data.to, jid=jid, state=state, id=found.id, url=found.url)

    async def ask_soon(self, ask: Ask[T]) -> T:
        """Ask what is not worth waiting long for. Raises as `set_presence`."""

        async def find() -> ConnectionAttempt:
            return await connection_soon(self._waiter)

        try:
            async with asyncio.timeout(self._timeouts.query):
                return await self._ask(find, ask)
        except TimeoutError:
            raise SessionNotConnected(detail={"state": self._waiter.state.value}) from None

    async def _ask(self, find: Callable[[], Awaitable[ConnectionAttempt]], ask: Ask[T]) -> T:
        """Ask on a connection, and on the next one where that one ends."""
        while True:
            attempt = await find()
            try:
                return await ask(attempt.connection)
            except (NotConnected, StoreRefused):
                await attempt.really_ended()
            except OutcomeUnknown:
                await asyncio.sleep(_PAUSE_SECONDS)
            except RecipientUnknown as error:
                raise MessageRecipientUnknown from error
            except Refused as error:
                raise MessageRejectedByWhatsApp(error.code) from error

    async def _stored(self, message_id: MessageId, chat: Jid) -> Sequence[MessageRecord]:
        """All of the chat under this id; where nobody knows whose LID a chat is, it may be this one."""
        found = await until_stored(lambda: self._storage.messages.under(self._session_id, message_id))
        names, may_be_one = self._identities.all_names(chat), self._identities.may_be_one
        here = [each for each in found if not names.isdisjoint(self._identities.all_names(each.chat))]
        here = here or [each for each in found if may_be_one(chat, Jid(each.chat))]
        if not here:
            raise MessageNotFound(detail={"messageId": message_id})
        return here


def _ref(record: MessageRecord, chat: str) -> MessageRef:
    """A group's receipt names who wrote; a person's chat is the one the message arrived in, PN or LID."""
    if kind_of(chat) is AddressKind.GROUP:
        return MessageRef(message_id=record.message_id, chat=chat, participant=record.sender)
    return MessageRef(message_id=record.message_id, chat=record.chat)
