"""What events say of files. Pure."""

from schemas.content.content import Media
from schemas.events.failures import Failure
from schemas.model import Model
from schemas.names import MessageId, SessionId


class MediaReady(Model):
    """``media.ready.v1``: the file of a message is in the media bucket, under `media.object`.

    Attributes:
        media: the file, with its key in the bucket.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    media: Media


class MediaFailed(Model):
    """``media.failed.v1``: the file of a message could not be fetched, for good; ``media.fetch.v1`` tries again.

    Attributes:
        media: the file, as far as it is known.
        error: why it could not be fetched.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    media: Media
    error: Failure
