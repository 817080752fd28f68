"""What can be asked about people, whoever owns the session: from PostgreSQL alone."""

from collections.abc import Awaitable, Callable, Sequence

from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.people.identities import chat_of
from gateway_worker.store.operations.contacts import Contact, learn
from gateway_worker.store.records import SessionRecord
from schemas.addresses import phone_of, spellings
from schemas.commands.commands import Command
from schemas.commands.contacts import DescribeContact, ListBlocked, ListContacts
from schemas.errors import ContactNotFound
from schemas.events.contacts import ContactChange
from schemas.names import SessionId
from schemas.results import ContactDescription, ContactPage


class ContactQueries:
    """The queries about people."""

    def __init__(
        self, storage: Storage, mappings: MappingForm, find_session: Callable[[SessionId], Awaitable[SessionRecord]]
    ) -> None:
        self._storage = storage
        self._mappings = mappings
        self._find_session = find_session

    async def list(self, command: Command[ListContacts]) -> ContactPage:
        """People in the order of their JIDs, a page at a time. Raises SessionNotFound."""
        await self._find_session(command.session_id)
        data = command.data
        found = await self._storage.contacts.list(command.session_id, data.cursor or "", data.limit + 1)
        return _page(found, data.limit)

    async def blocked(self, command: Command[ListBlocked]) -> ContactPage:
        """Whom the account has blocked, likewise. Raises SessionNotFound."""
        await self._find_session(command.session_id)
        data = command.data
        found = await self._storage.contacts.blocked(command.session_id, data.cursor or "", data.limit + 1)
        return _page(found, data.limit)

    async def describe(self, command: Command[DescribeContact]) -> ContactDescription:
        """What is known of one person, by any of its names.

        Raises:
            SessionNotFound, ContactNotFound: there is no such thing.
        """
        await self._find_session(command.session_id)
        asked = command.data.jid
        named = await chat_of(self._mappings, self._storage.keys, command.session_id, asked)
        found = await self._storage.contacts.of(command.session_id, {named, asked} | spellings(named))
        if not found:
            raise ContactNotFound
        contact, _ = learn(found, Contact(jid=named, phone=phone_of(named)))
        return _description(contact)


def _page(found: Sequence[Contact], limit: int) -> ContactPage:
    """Of those found, of which one more was asked for than are shown."""
    page = found[:limit]
    cursor = page[-1].jid if len(found) > limit else None
    return ContactPage(contacts=[_description(each) for each in page], cursor=cursor)


def _description(contact: Contact) -> ContactDescription:
    known = {name: fact.value for name, fact in contact.facts.items() if fact.value}
    return ContactDescription(
        jid=contact.jid,
        lid=contact.lid,
        phone=contact.phone,
        push_name=known.get(ContactChange.PUSH_NAME),
        saved_name=known.get(ContactChange.SAVED_NAME),
        verified_name=known.get(ContactChange.VERIFIED_NAME),
        about=known.get(ContactChange.ABOUT),
        picture_id=known.get(ContactChange.PICTURE),
        blocked=contact.blocked or None,
    )
