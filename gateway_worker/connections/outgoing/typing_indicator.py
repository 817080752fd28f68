"""`typing: natural`: a chat sees us type before a text arrives, as long as a person would, within bounds.

It happens within the chat's queue: other chats do not wait. It is never a reason for a message to be late for its
expiry, and what may have left in an earlier life goes at once.
"""

import asyncio
from random import Random
from typing import Final

import structlog

from gateway_worker.connections.outgoing.attempts import SendJob
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.store.records import SessionRecord
from gateway_worker.whatsapp.errors import EngineError
from gateway_worker.whatsapp.people import PresenceState
from schemas.commands.session_settings import SessionOptions
from schemas.content.content import PlainText

_log = structlog.get_logger()

SECONDS_PER_CHARACTER: Final = 0.04
SHORTEST: Final = 0.5
LONGEST: Final = 8.0  # WhatsApp's clients show it for somewhat longer
_JITTER: Final = 0.2
_SHARE_OF_TIME_LEFT: Final = 0.5  # of a command that expires


def typing_seconds(text: str, rng: Random) -> float:
    """How long a person types that, roughly; never the same twice."""
    natural = len(text) * SECONDS_PER_CHARACTER * rng.uniform(1 - _JITTER, 1 + _JITTER)
    return min(LONGEST, max(SHORTEST, natural))


class Typing:
    """Shows it, if the session is to behave so."""

    def __init__(self, record: SessionRecord, *, rng: Random) -> None:
        self._natural = SessionOptions.model_validate(dict(record.options)).typing == "natural"
        self._rng = rng

    async def show(self, job: SendJob, attempt: ConnectionAttempt, seconds_left: float | None) -> None:
        """Returns when the message's text has been typed. A connection that ends meanwhile is the sender's affair."""
        content = job.message.content
        if not self._natural or job.may_have_left or not isinstance(content, PlainText):
            return
        seconds = typing_seconds(content.text, self._rng)
        if seconds_left is not None:
            seconds = min(seconds, seconds_left * _SHARE_OF_TIME_LEFT)
        try:
            async with asyncio.timeout(seconds):
                await attempt.connection.send_presence(job.message.to, PresenceState.TYPING)
                await attempt.ended()
        except EngineError as error:
            _log.info("typing.not_shown", error=type(error).__name__)
        except TimeoutError:
            pass  # it was typed
