"""The data of the event that sums up an hour of a session."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from schemas.model import Instant, Model
from schemas.names import SessionId, UserId


class UsageReport(Model):
    """``usage.report.v1``: what a session did within an hour, once that is over; hours without anything are not told.

    It counts what the other events told, when the gateway recorded it: so the reports of all hours add up to all
    events. A session that is deleted tells the hour that has begun right away; one that is made anew within it tells
    the rest of it in another report of the same hour.
    """

    session_id: SessionId
    user_id: UserId
    hour: Annotated[Instant, Field(description="when it began; in UTC")]
    sent: Annotated[int, Field(description="messages that WhatsApp's server acknowledged; edits, reactions … too")]
    delivered: Annotated[int, Field(description="messages that came to a phone: in a group to the first of them")]
    read: Annotated[int, Field(description="messages that were read: in a group by the first who did")]
    received: Annotated[int, Field(description="messages that others wrote (`message.received.v1` without `fromMe`)")]
    failed: Annotated[
        Mapping[str, int], Field(description="messages that failed, by the error's code (`message.unconfirmed` …)")
    ]
    media_bytes_received: Annotated[int, Field(description="of files that were put into the media bucket")]
    media_bytes_sent: Annotated[
        int, Field(description="of files that were uploaded to WhatsApp: one that is sent again is not uploaded again")
    ]
