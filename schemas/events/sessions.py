"""What events say of a session: its state, why, and what is to be done. Pure."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import WithJsonSchema, computed_field

from schemas.model import Instant, Model
from schemas.names import SessionId, UserId, WorkerId
from schemas.reasons import REASON_CODES

ReasonCode = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(REASON_CODES)})]
"""One of `REASON_CODES`; text, since what was stored by a later version may hold a later one."""


class SessionState(StrEnum):
    """The state of a session.

    Attributes:
        WAITING_FOR_CAPACITY: no worker has room for it yet
        CONNECTING: a connection to WhatsApp is being made
        QR_REQUIRED: a QR code is to be scanned
        CODE_REQUIRED: a pairing code is to be typed on the phone
        PASSKEY_REQUIRED: WhatsApp asks for the person's passkey
        PASSKEY_CONFIRM: a code is to be compared with the phone's
        CONNECTED: it is linked, and there is a connection
        DISCONNECTED: there is no connection; with `retryAt` it comes back by itself
        LOGGED_OUT: the device is unlinked: it has to be paired anew
        RESTRICTED: WhatsApp has restricted the account
        FAILED: it does not connect again by itself: `reason` says what is to be done
        DELETED: it is gone
    """

    WAITING_FOR_CAPACITY = "waiting_for_capacity"
    CONNECTING = "connecting"
    QR_REQUIRED = "qr_required"
    CODE_REQUIRED = "code_required"
    PASSKEY_REQUIRED = "passkey_required"
    PASSKEY_CONFIRM = "passkey_confirm"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    RESTRICTED = "restricted"
    FAILED = "failed"
    DELETED = "deleted"


class Action(StrEnum):
    """What the session's user should do about a reason.

    Attributes:
        NONE: nothing, it goes on by itself
        RESCAN: pair the device anew
        USE_PASSKEY: sign WhatsApp's request with the account's passkey
        WAIT: wait; what it waits for is outside of the session
        UPGRADE: ask the operator for a newer gateway
        CONTACT_SUPPORT: a person has to look at it
    """

    NONE = "none"
    RESCAN = "rescan"
    USE_PASSKEY = "use_passkey"
    WAIT = "wait"
    UPGRADE = "upgrade"
    CONTACT_SUPPORT = "contact_support"


class Reason(Model):
    """Why a session is in its state: a stable dotted `code`, a sentence, and what to do.

    Attributes:
        message: a sentence for people; it may change.
        action: what the session's user should do.
    """

    code: ReasonCode
    message: str
    action: Action = Action.NONE


class PasskeyRequest(Model):
    """What a person's passkey is asked for: `options` are a WebAuthn `PublicKeyCredentialRequestOptionsJSON`.

    They are WhatsApp's own, and are signed on the origin https://web.whatsapp.com.

    Attributes:
        options: WebAuthn's `PublicKeyCredentialRequestOptionsJSON`, as WhatsApp wrote it.
        expires_at: until when it can be answered.
    """

    options: dict[str, Any]
    expires_at: Instant


class SessionStatus(Model):
    """``session.status.v1``: the session's state changed. Fields beyond the first five belong to one state each.

    On the wire the state stands there twice: as `state`, the word of ``session.describe.v1``, and as `status`, the word
    of ``message.status.v1`` and of the backends' session-status webhook.

    Attributes:
        worker_id: the worker that has the session.
        state: the session's state.
        qr_string: with `qr_required`: what the QR code says.
        qr_code: with `qr_required`: the QR code as a picture, a PNG as a data URL.
        pairing_code: with `code_required`: the code to type on the phone.
        expires_at: with `qr_required`, `code_required`, `passkey_confirm`: until when the code is good; another one
            follows.
        passkey: with `passkey_required`: what is to be signed.
        code: with `passkey_confirm`: ``XXXX-XXXX``, to be compared with the phone's.
        phone: with `connected`: the account's number, in E.164.
        jid: with `connected`: the account's JID.
        lid: with `connected`: the account's LID.
        push_name: with `connected`: what the account calls itself.
        retry_at: with `disconnected`: when it connects again by itself; without it, it does not.
        until: with `restricted`: how long, where WhatsApp says it.
        reason: why, where there is a reason.
    """

    session_id: SessionId
    user_id: UserId
    worker_id: WorkerId
    state: SessionState
    timestamp: Instant
    qr_string: str | None = None
    qr_code: str | None = None
    pairing_code: str | None = None
    expires_at: Instant | None = None
    passkey: PasskeyRequest | None = None
    code: str | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    push_name: str | None = None
    retry_at: Instant | None = None
    until: Instant | None = None
    reason: Reason | None = None

    @computed_field
    @property
    def status(self) -> SessionState:
        """The same as `state`."""
        return self.state
