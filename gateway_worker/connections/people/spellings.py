"""How numbers were written, and how WhatsApp writes them, as keys of a session. Pure.

A number is asked about before the first message goes to it (`resolving`). What WhatsApp calls otherwise is kept beside
the engine's keys, in snapshots too: every spelling that was ever used leads to the one chat, on whichever worker.
"""

from collections.abc import Mapping
from typing import Final

from gateway_worker.store.operations.identity import PutKeys
from schemas.addresses import USER_SERVER

SPELLING_KIND: Final = "spelling"


def spelling_id(jid: str) -> str:
    """The id of the key that says how WhatsApp writes this number (JID)."""
    return jid.partition("@")[0]


def spelling_keys(chat_of: Mapping[str, str]) -> PutKeys:
    """What keeps it: `chat_of` is JID as written → JID of the chat."""
    return PutKeys(keys={(SPELLING_KIND, spelling_id(jid)): chat.encode() for jid, chat in chat_of.items()})


def read_spellings(keys: Mapping[str, bytes]) -> Mapping[str, str]:
    """The reverse, from keys of `SPELLING_KIND` by id."""
    return {f"{user}@{USER_SERVER}": chat.decode() for user, chat in keys.items()}
