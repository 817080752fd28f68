"""The account itself, as answers tell of it: how it shows itself, and to whom."""

from enum import StrEnum

from schemas.model import Model
from schemas.names import SessionId


class Audience(StrEnum):
    """Whom something is for.

    Attributes:
        ALL: everybody
        CONTACTS: who is in the address book
        CONTACTS_EXCEPT: who is in the address book, but for those whom the phone excludes
        KNOWN: whom the account knows
        NONE: nobody
        MATCH_LAST_SEEN: whoever sees when the account was last there
    """

    ALL = "all"
    CONTACTS = "contacts"
    CONTACTS_EXCEPT = "contactsExcept"
    KNOWN = "known"
    NONE = "none"
    MATCH_LAST_SEEN = "matchLastSeen"


class PrivacySettings(Model):
    """``privacy.describe.v1``: who sees what of the account, as WhatsApp says it now.

    What WhatsApp says in a word that is none of these is missing.

    Attributes:
        last_seen: who sees when the account was last there.
        online: who sees that it is there.
        picture: who sees its picture.
        about: who sees its status text.
        groups: who may add it to groups.
        calls: whose calls ring.
        read_receipts: `all`: people see what was read; `none`: nobody does, and the account does not see it of others.
    """

    session_id: SessionId
    last_seen: Audience | None = None
    online: Audience | None = None
    picture: Audience | None = None
    about: Audience | None = None
    groups: Audience | None = None
    calls: Audience | None = None
    read_receipts: Audience | None = None


class ProfileDescription(Model):
    """``profile.describe.v1``: how the account shows itself, as WhatsApp says it now.

    Attributes:
        name: what it calls itself; missing while nobody has said it.
        about: its status text; missing: none.
        picture_id: it changes with the picture; missing: there is none.
        picture_url: where the picture lies; WhatsApp's address, good for some days.
    """

    session_id: SessionId
    jid: str
    lid: str | None = None
    phone: str | None = None
    name: str | None = None
    about: str | None = None
    picture_id: str | None = None
    picture_url: str | None = None
