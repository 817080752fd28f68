"""The data of the event that says that a session's messages wait, to spare its account."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.model import Instant, Model
from schemas.names import SessionId


class ThrottleCause(StrEnum):
    """Why messages wait, or are refused.

    Attributes:
        WARM_UP: the day's messages of a new account are used up: commands are refused with `rate.limited`
        STRANGER_PAUSE: somebody who was never talked to before has just been written to
        PROXY_BRAKE: WhatsApp refused a message of a session behind the same proxy
    """

    WARM_UP = "warm_up"
    STRANGER_PAUSE = "stranger_pause"
    PROXY_BRAKE = "proxy_brake"


class SessionThrottled(Model):
    """``session.throttled.v1``: the gateway holds messages of a session back, to spare its account.

    It is told when a message meets the hindrance, once for each; nothing is to be done: they go on by themselves.

    Attributes:
        cause: why messages wait, or are refused.
    """

    session_id: SessionId
    cause: ThrottleCause
    until: Annotated[Instant, Field(description="when messages go on, if nothing else comes between")]
    whatsapp_code: Annotated[str | None, Field(description="of `proxy_brake`: with what WhatsApp refused")] = None
    timestamp: Instant
