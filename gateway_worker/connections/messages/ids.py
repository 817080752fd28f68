"""The WhatsApp id of a message that a command sends."""

import asyncio
import hmac

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Messages
from schemas.commands.commands import CommandKey
from schemas.errors import SessionNotFound
from schemas.names import MessageId, SessionId

_PREFIX = "3EB0"  # what Baileys and WhatsApp Web give their own ids; a stranger's prefix would stand out
_HEX_DIGITS = 18


def derive_message_id(secret: bytes, key: CommandKey) -> MessageId:
    """The id for the command with this idempotency key: the same key gives the same id, after any crash.

    Without the session's `secret` nobody can tell it before it has left: a stranger cannot use it first. NUL separates
    the two parts of the key, since neither may contain it: no other pair joins to the same text.
    """
    digest = hmac.digest(secret, f"{key.source}\0{key.id}".encode(), "sha256").hex()
    return MessageId(_PREFIX + digest[:_HEX_DIGITS].upper())


class MessageIds:
    """The ids of the messages that one session's commands send."""

    def __init__(self, session_id: SessionId, messages: Messages) -> None:
        self._session_id = session_id
        self._messages = messages
        self._known: bytes | None = None
        self._asking = asyncio.Lock()

    async def of(self, key: CommandKey) -> MessageId:
        """The id for the command with this key.

        Raises:
            SessionNotFound: the secret was destroyed with the session.
        """
        return derive_message_id(await self._secret(), key)

    async def _secret(self) -> bytes:
        """Asked for once: it lives as long as the session."""
        async with self._asking:  # in the order of calls: two alike would wait for each other
            if self._known is None:
                self._known = await until_stored(lambda: self._messages.secret(self._session_id))
        if self._known is None:
            raise SessionNotFound
        return self._known
