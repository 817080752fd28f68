"""What of a Baileys device is its identity: what a snapshot must hold to log in as it again. Pure.

Credentials are the JSON that the bridge writes (`values.ts`); only the fields named here are looked at.

A device that logs in with credentials and without prekeys and Signal sessions heals itself: it finds its newest prekey
missing and uploads new ones; a contact's message that it cannot decrypt it asks for again with a retry receipt, and the
contact's phone starts a new Signal session with it; its own next message to a contact begins one as well.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, cast

KINDS: Final = frozenset({"app-state-sync-key", "lid-mapping", "tctoken"})
"""Keys that belong to the identity: of the app state, which number is which LID, and contacts' privacy tokens.

Not `app-state-sync-version` (without it Baileys asks for the whole state again, which is right), not the contacts'
`identity-key` and `device-list` (asked for again), no ratchets, no prekeys.
"""

URGENT_KINDS: Final = frozenset({"app-state-sync-key"})
"""Those that WhatsApp does not give again by itself."""

MAX_PREKEY_ID: Final = 2**24 - 1  # three bytes on the wire
PREKEY_JUMP: Final = 2**16
_LAST_BEGINNING: Final = MAX_PREKEY_ID - PREKEY_JUMP
_PREKEYS_PER_MARK: Final = 2**14
_FIELDS: Final = (
    *("noiseKey", "signedIdentityKey", "signedPreKey", "registrationId", "advSecretKey"),
    *("account", "me", "signalIdentities", "myAppStateKeyId", "platform"),
)


def mark(credentials: bytes) -> bytes:
    """Stands for the identity: the same as long as a snapshot with these credentials is good.

    It also changes when so many prekeys were used that the jump of `revive` might soon not be wide enough.
    """
    document = _read(credentials)
    identity = [document.get(field) for field in _FIELDS]
    identity.append(_next_prekey(document) // _PREKEYS_PER_MARK)
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).digest()


def revive(credentials: bytes) -> bytes:
    """The credentials for a next life: prekey ids go on far beyond those that may have been used since.

    A prekey that comes again under a used id, with another key, is a lost message.

    Raises:
        ValueError: the ids are used up (after some 250 restores): pair the session again.
    """
    document = _read(credentials)
    following = _next_prekey(document) + PREKEY_JUMP
    if following > _LAST_BEGINNING:
        raise ValueError("the device has used up its prekey ids: pair the session again")
    return _beginning_at(following, document)


def rejuvenate(credentials: bytes, lives: int) -> bytes:
    """The credentials for a life that many restores later: what is restored twice from one copy is not the same life.

    Nobody is there to pair the session again: ids that are used up begin from below, as WhatsApp's own clients let
    them; what was used there is long forgotten.
    """
    document = _read(credentials)
    following = _next_prekey(document) + lives * PREKEY_JUMP
    return _beginning_at(1 + (following - 1) % _LAST_BEGINNING, document)


def _beginning_at(prekey: int, document: dict[str, Any]) -> bytes:
    document |= {"nextPreKeyId": prekey, "firstUnuploadedPreKeyId": prekey}
    return json.dumps(document, separators=(",", ":")).encode()


def _read(credentials: bytes) -> dict[str, Any]:
    document: Any = json.loads(credentials)
    if not isinstance(document, dict):
        raise ValueError("these are no credentials of Baileys")  # noqa: TRY004 (bytes from outside, not a caller's type)
    return cast("dict[str, Any]", document)


def _next_prekey(document: dict[str, Any]) -> int:
    return int(document.get("nextPreKeyId", 1))


MAPPING_KIND: Final = "lid-mapping"
_REVERSE: Final = "_reverse"
_TEXT_FORM: Final = 3  # see `values.ts`


def mapping_id(lid: str) -> str:
    """The id of the key that says whose a LID (JID) is."""
    return f"{lid.partition('@')[0]}{_REVERSE}"


def number_id(pn: str) -> str:
    """The id of the key that says which LID a number (JID) has."""
    return pn.partition("@")[0]


def mappings(keys: Mapping[str, bytes]) -> dict[str, str]:
    """LID → PN (JIDs), from keys of `MAPPING_KIND` by id. Each pair is kept in both directions; one says it all."""
    return {
        f"{key_id.removesuffix(_REVERSE)}@lid": f"{value[1:].decode()}@s.whatsapp.net"
        for key_id, value in keys.items()
        if key_id.endswith(_REVERSE) and value[:1] == bytes([_TEXT_FORM])
    }
