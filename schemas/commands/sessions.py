"""The data of the commands about a session: its life, and what it tells. As strict as the contract (section 3) says.

A control command may name its session in `data` too (``sessionId``): it must agree with the envelope's `subject`, and
fills it in where that is missing.
"""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from schemas.commands.session_settings import Pairing, SessionLimits, SessionOptions, UserLimits
from schemas.model import SessionIdField, StrictModel, UserIdField
from schemas.sequence import SequenceAsked

MAX_PAGE: Final = 500
MAX_REPLAYED: Final = 5_000


def _null_is_absent(value: object) -> object:
    return {} if value is None else value


def named_by_subject(schema: dict[str, Any]) -> None:
    """On the wire the session (or worker) is named by the envelope; naming it again in `data` is optional."""
    required = [name for name in schema.get("required", []) if name not in {"sessionId", "workerId"}]
    schema.pop("required", None)
    if required:
        schema["required"] = required


class CreateSession(StrictModel):
    """``session.create.v1``: make a session, or connect the one that exists.

    `userLimits` hold for all sessions of `userId`, until another command gives others; left out, they stay as they are.

    Attributes:
        session_id: what the session is called from now on: 1 to 64 of `A-Z a-z 0-9 _ -`.
        user_id: whose it is, in the backend's words.
        pairing: how the device is to be linked.
        options: how the session behaves.
        limits: limits of what it sends.
        user_limits: limits of what all sessions of this user send together.
    """

    session_id: SessionIdField
    user_id: UserIdField
    pairing: Pairing
    options: Annotated[SessionOptions, BeforeValidator(_null_is_absent)] = Field(default_factory=SessionOptions)
    limits: Annotated[SessionLimits, BeforeValidator(_null_is_absent)] = Field(default_factory=SessionLimits)
    user_limits: UserLimits | None = None


class SessionCommand(StrictModel):
    """Data of a control command to one session. Abstract.

    Attributes:
        session_id: the session, as the envelope's `subject` names it; it may be left out here.
    """

    model_config = ConfigDict(json_schema_extra=named_by_subject)

    session_id: SessionIdField


class DescribeSession(SessionCommand):
    """``session.describe.v1``: what the session is and how it fares."""


class GetQr(SessionCommand):
    """``session.qr.v1``: the live QR."""


class UsePasskey(SessionCommand):
    """``session.passkey.v1``: the person's answer to `passkey_required`.

    `assertion` is `PublicKeyCredential.toJSON()`, made on the origin https://web.whatsapp.com. What is wrong with it is
    answered by `passkey.invalid`, with the field.

    Attributes:
        assertion: WebAuthn's `PublicKeyCredential.toJSON()`.
    """

    assertion: dict[str, Any]


class ConfirmPasskey(SessionCommand):
    """``session.passkey.confirm.v1``: whether the phone shows the code of `passkey_confirm`.

    Attributes:
        confirmed: the phone shows the same code; false ends the pairing.
    """

    confirmed: bool


class RestartSession(SessionCommand):
    """``session.restart.v1``: close the connection and open it again, credentials kept."""


class LogoutSession(SessionCommand):
    """``session.logout.v1``: unlink at WhatsApp, destroy the credentials, keep the record."""


class MigrateSession(SessionCommand):
    """``session.migrate.v1``: drain, hand over, resume on another worker; nothing lost or repeated."""


class DeleteSession(SessionCommand):
    """``session.delete.v1``: log out, then remove the session; with `purge` its messages and media too.

    Attributes:
        purge: remove its messages and media too.
    """

    purge: bool = False


class ListSessions(StrictModel):
    """``session.list.v1``: the sessions in the order of their ids, after `cursor`, at most `limit` of them.

    Attributes:
        cursor: what the page before gave as its `cursor`; without it, from the first.
        limit: at most so many.
        user_id: only this user's sessions.
    """

    cursor: SessionIdField | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    user_id: UserIdField | None = None


class ReplayEvents(SessionCommand):
    """``events.replay.v1``: publish the session's stored events again, from one sequence to another, both included.

    Without `toSequence` up to the newest. At most 5,000 events go out for one command; the result says how far it came.
    Both are given as events tell them, or as a person types them: without the zeros, or as a number.

    Attributes:
        from_sequence: of the first event.
        to_sequence: of the last event; by default of the newest.
    """

    from_sequence: SequenceAsked
    to_sequence: SequenceAsked | None = None

    @field_validator("to_sequence")
    @classmethod
    def _not_before_the_first(cls, to_sequence: int | None, fields: ValidationInfo) -> int | None:
        if to_sequence is not None and to_sequence < fields.data.get("from_sequence", 0):
            raise ValueError("must not be less than fromSequence")
        return to_sequence
