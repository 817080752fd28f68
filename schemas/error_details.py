"""What an error's `detail` holds, by its code: for programs, as its `code` is. Pure.

The errors themselves (`schemas.errors`) take any JSON; a test makes each of them and reads it with its model here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.errors import (
    Breach,
    CommandExpired,
    CommandForbidden,
    CommandInvalid,
    MediaForbiddenAddress,
    MediaTooLarge,
    MediaUnreachable,
    MediaUnsupported,
    MessageNotFound,
    MessageRecipientUnknown,
    MessageRejectedByWhatsApp,
    PasskeyInvalid,
    PasskeyRefused,
    RateLimited,
    SessionNotConnected,
)
from schemas.model import Model


class InvalidField(Model):
    """One thing wrong with a command.

    Attributes:
        path: of the field, dotted from the envelope's root; empty for the whole body.
        problem: what is wrong with it, for people.
    """

    path: str
    problem: str


class InvalidDetail(Model):
    """What is wrong with a command.

    Attributes:
        path: of the first problem's field, dotted from the envelope's root; empty for the whole body.
        problems: the first ten.
    """

    path: str
    problems: Sequence[InvalidField]


class ForbiddenDetail(Model):
    """Why a command is forbidden.

    Attributes:
        because: what does not cover it.
    """

    because: Breach


class ExpiredDetail(Model):
    """What a command waited for in vain, where that is known.

    Attributes:
        reason: the code of what stood in its way, `fleet.full` for instance.
    """

    reason: str


class NotConnectedDetail(Model):
    """Where the session stands.

    Attributes:
        state: the session's state.
        reason: the code of why it is in it, where there is a reason.
    """

    state: str
    reason: str | None = None


class MessageDetail(Model):
    """Which message there is not."""

    message_id: str


class WhatsAppDetail(Model):
    """What WhatsApp said.

    Attributes:
        whatsapp_code: WhatsApp's own code.
    """

    whatsapp_code: str


class RetryDetail(Model):
    """When to try again.

    Attributes:
        retry_after: after so many whole seconds.
    """

    retry_after: int


class MediaDetail(Model):
    """What is wrong with a file; beside `reason` only what was found, and the limit, where there is one.

    Attributes:
        reason: one stable word, such as `timeout`, `dns`, `status`, `bytes`, `pixels`, `codec`, `type`, `truncated`.
        limit: how much is allowed, in the unit that `reason` names.
        size: bytes.
        width: pixels.
        height: pixels.
        frames: how many pictures it has.
        seconds: how long it lasts.
        status: the HTTP status that its address answered with.
        type: the media type that was found.
        found: the media type that was found, where another one is needed.
        accepted: the media types that this kind of message can carry.
        codec: how it is encoded.
        pictures: how many streams of pictures it has.
        damaged: how many of its parts could not be read.
        check: which check of a received file failed.
    """

    reason: str | None = None
    limit: int | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    seconds: float | None = None
    status: int | None = None
    type: str | None = None
    found: str | None = None
    accepted: Sequence[str] | None = None
    codec: str | None = None
    pictures: int | None = None
    damaged: int | None = None
    check: str | None = None


DETAILS: Final[Mapping[str, type[Model]]] = {
    CommandInvalid.code: InvalidDetail,
    CommandForbidden.code: ForbiddenDetail,
    CommandExpired.code: ExpiredDetail,
    SessionNotConnected.code: NotConnectedDetail,
    PasskeyInvalid.code: InvalidField,
    PasskeyRefused.code: WhatsAppDetail,
    MessageNotFound.code: MessageDetail,
    MessageRecipientUnknown.code: WhatsAppDetail,
    MessageRejectedByWhatsApp.code: WhatsAppDetail,
    MediaTooLarge.code: MediaDetail,
    MediaUnreachable.code: MediaDetail,
    MediaForbiddenAddress.code: MediaDetail,
    MediaUnsupported.code: MediaDetail,
    RateLimited.code: RetryDetail,
}
"""The model of `detail`, where an error of that code has any."""
