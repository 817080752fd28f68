"""The WhatsApp id of a message that a command sends. Pure."""

import hashlib

from schemas.names import MessageId

_PREFIX = "3EB0"  # what Baileys and WhatsApp Web give their own ids; a stranger's prefix would stand out
_HEX_DIGITS = 18


def derive_message_id(source: str, command_id: str) -> MessageId:
    """The id for the command with this idempotency key: the same key gives the same id, after any crash.

    NUL separates the two parts, since neither may contain it: no other pair joins to the same text.
    """
    digest = hashlib.sha256(f"{source}\0{command_id}".encode()).hexdigest()
    return MessageId(_PREFIX + digest[:_HEX_DIGITS].upper())
