"""The WhatsApp id of a message that a command sends. Pure."""

import hmac

from schemas.commands import CommandKey
from schemas.names import MessageId

_PREFIX = "3EB0"  # what Baileys and WhatsApp Web give their own ids; a stranger's prefix would stand out
_HEX_DIGITS = 18


def derive_message_id(secret: bytes, key: CommandKey) -> MessageId:
    """The id for the command with this idempotency key: the same key gives the same id, after any crash.

    Without the session's `secret` nobody can tell it before it has left: a stranger cannot use it first. NUL separates
    the two parts of the key, since neither may contain it: no other pair joins to the same text.
    """
    digest = hmac.digest(secret, f"{key.source}\0{key.id}".encode(), "sha256").hex()
    return MessageId(_PREFIX + digest[:_HEX_DIGITS].upper())
