"""The data of the commands about people: what is known of them, the address book, their pictures."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from schemas.addresses import Address, Jid, Person, jid_of
from schemas.commands.sessions import SessionCommand
from schemas.model import MAX_ATTRIBUTE, StrictModel, Visible, printable

MAX_CONTACTS = 500
"""Of a page: what is known of each is decrypted for it."""


class GetPicture(StrictModel):
    """``contact.picture.v1``: the profile picture of a person or a group; `preview` asks for the small one.

    Attributes:
        to: whose: a number in E.164, or the JID of a person or group.
        preview: the small one.
    """

    to: Annotated[Address, Field(repr=False)]
    preview: bool = False

    @property
    def jid(self) -> Jid:
        """`to` as a JID."""
        return jid_of(self.to)


class ListContacts(SessionCommand):
    """``contact.list.v1``: the people of whom something is known, in the order of their JIDs, from behind `cursor`.

    Attributes:
        limit: at most so many.
    """

    cursor: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_CONTACTS)] = 100


class ListBlocked(ListContacts):
    """``contact.blocked.v1``: whom the account has blocked, in the order of their JIDs, from behind `cursor`."""


class DescribeContact(SessionCommand):
    """``contact.describe.v1``: what is known of one person; WhatsApp is not asked.

    Attributes:
        contact: whom: a number in E.164, or a JID.
    """

    contact: Annotated[Person, Field(repr=False)]

    @property
    def jid(self) -> Jid:
        """`contact` as a JID."""
        return jid_of(self.contact)


class _OfContact(StrictModel):
    """What is done about one person."""

    contact: Annotated[Person, Field(repr=False)]

    @property
    def jid(self) -> Jid:
        """`contact` as a JID."""
        return jid_of(self.contact)


class RemoveContact(_OfContact):
    """``contact.remove.v1``: take a person from the address book; ``contact.updated`` tells it.

    Attributes:
        contact: whom: a number in E.164, or a JID.
    """


class BlockContact(_OfContact):
    """``contact.block.v1``: nothing of that person reaches the account any more; ``contact.blocked`` tells it.

    Attributes:
        contact: whom: a number in E.164, or a JID.
    """


class UnblockContact(_OfContact):
    """``contact.unblock.v1``: the person may write again; ``contact.blocked`` tells it.

    Attributes:
        contact: whom: a number in E.164, or a JID.
    """


class SaveContact(_OfContact):
    """``contact.save.v1``: save a person in the address book, or under another name; ``contact.updated`` tells it.

    Attributes:
        contact: whom: a number in E.164, or a JID.
        name: what the account's owner calls that person.
    """

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE),
        AfterValidator(printable),
        Visible,
        Field(repr=False),
    ]
