"""What the end of a connection means: where the session goes, what its user is told, whether we try again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway_worker.connections.lifecycle.states import PAIRING, State, Trigger
from gateway_worker.whatsapp.facts import Cause
from schemas.events.sessions import Action, Reason

MAX_QUICK_RESTARTS: Final = 3  # 515 follows a pairing once; a server that only ever says 515 is backed off from
MAX_BAD_SESSIONS: Final = 3
REFRESH_SECONDS: Final = 86_400.0  # an outdated web version is looked up afresh once a day


class Retry(StrEnum):
    """Whether and when a session connects again by itself."""

    AT_ONCE = "at_once"  # expected, nobody is told
    BACKOFF = "backoff"  # for ever, with growing waits
    DAILY = "daily"  # when a new version may have come
    NEVER = "never"  # a person must act


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the end of a connection means for its session. `needs_operator` is for the operator."""

    trigger: Trigger
    retry: Retry
    reason: Reason | None
    needs_operator: bool = False


def _lost(code: str, message: str, *, action: Action = Action.NONE) -> Verdict:
    reason = Reason(code=code, message=message, action=action)
    return Verdict(trigger=Trigger.DROPPED, retry=Retry.BACKOFF, reason=reason)


def _over(
    trigger: Trigger,
    code: str,
    message: str,
    action: Action,
    *,
    retry: Retry = Retry.NEVER,
    needs_operator: bool = False,
) -> Verdict:
    reason = Reason(code=code, message=message, action=action)
    return Verdict(trigger=trigger, retry=retry, reason=reason, needs_operator=needs_operator)


RESTARTING: Final = Verdict(trigger=Trigger.OPENED, retry=Retry.AT_ONCE, reason=None)
SILENT: Final = _lost("connection.silent", "WhatsApp did not answer in time; connecting again.")
PASSKEY: Final = Reason(
    code="pairing.passkey_required",
    message="WhatsApp asks for a passkey before this account can link a device.",
    action=Action.USE_PASSKEY,
)
_PAIRING_TIMEOUT: Final = _over(
    Trigger.PAIRING_EXPIRED, "pairing.timeout", "Nobody scanned the QR or typed the code in time.", Action.RESCAN
)
_BAD_SESSION: Final = _over(
    Trigger.BROKEN,
    "session.bad",
    "WhatsApp keeps refusing the session's state.",
    Action.CONTACT_SUPPORT,
    needs_operator=True,
)

VERDICTS: Final[Mapping[Cause, Verdict]] = {
    Cause.RESTART_REQUIRED: RESTARTING,
    Cause.LOGGED_OUT: _over(
        Trigger.UNLINKED, "session.logged_out", "The device was unlinked from the phone.", Action.RESCAN
    ),
    Cause.BANNED: _over(
        Trigger.RESTRICTED, "account.restricted", "WhatsApp has restricted this account.", Action.CONTACT_SUPPORT
    ),
    # Somebody else uses our keys: answering with a reconnect would be a fight that neither side wins.
    Cause.REPLACED: _over(
        Trigger.BROKEN,
        "session.replaced",
        "Another client took over this device's connection. Restart the session once that client is stopped.",
        Action.CONTACT_SUPPORT,
        needs_operator=True,
    ),
    Cause.OUTDATED: _over(
        Trigger.BROKEN,
        "client.outdated",
        "WhatsApp refuses this client version as too old.",
        Action.UPGRADE,
        retry=Retry.DAILY,
        needs_operator=True,
    ),
    Cause.UNTRUSTED: _over(
        Trigger.BROKEN,
        "connection.untrusted",
        "The server could not prove that it is WhatsApp.",
        Action.CONTACT_SUPPORT,
        needs_operator=True,
    ),
    Cause.PAIRING_TIMEOUT: _PAIRING_TIMEOUT,
    Cause.PAIRING_FORGED: _over(
        Trigger.PAIRING_EXPIRED,
        "pairing.untrusted",
        "The answer to the QR or code could not prove that it was the phone's; nothing was linked.",
        Action.RESCAN,
        needs_operator=True,
    ),
    Cause.PASSKEY_EXPIRED: _over(
        Trigger.PAIRING_EXPIRED, "passkey.expired", "The passkey was not used in time.", Action.RESCAN
    ),
    Cause.PASSKEY_REFUSED: _over(
        Trigger.PAIRING_EXPIRED, "passkey.refused", "WhatsApp refused the passkey.", Action.RESCAN
    ),
    Cause.PASSKEY_UNANSWERED: _over(
        Trigger.PAIRING_EXPIRED, "passkey.unanswered", "WhatsApp did not answer to the passkey.", Action.RESCAN
    ),
    Cause.CODE_DIFFERS: _over(
        Trigger.PAIRING_EXPIRED,
        "pairing.untrusted",
        "The phone does not show the code: somebody may stand in between. Nothing was linked.",
        Action.RESCAN,
        needs_operator=True,
    ),
    Cause.BAD_SESSION: _lost("session.bad", "WhatsApp refused the session's state; connecting again."),
    Cause.UNAVAILABLE: _lost("connection.unavailable", "WhatsApp is not available for the moment.", action=Action.WAIT),
    Cause.CLOSED: _lost("connection.closed", "WhatsApp closed the connection; connecting again."),
    Cause.LOST: _lost("connection.lost", "The connection to WhatsApp was lost; connecting again."),
    Cause.STORE_FAILED: _lost("internal", "The worker could not store what it received; connecting again."),
    Cause.BRIDGE_DIED: _lost("internal", "The process that held the connection ended; connecting again."),
    Cause.REQUESTED: _lost("connection.closed", "The connection was closed; connecting again."),
    Cause.UNKNOWN: _lost("connection.lost", "The connection to WhatsApp ended; connecting again."),
}


def judge(cause: Cause, state: State, *, quick_restarts: int = 0, bad_sessions: int = 0) -> Verdict:
    """What a connection's end means for a session in `state`.

    Args:
        cause: why it ended.
        state: the session's, live.
        quick_restarts: how many connections in a row ended in 515 before this one.
        bad_sessions: how many in a row ended in `Cause.BAD_SESSION` before this one.
    """
    match cause:
        case Cause.RESTART_REQUIRED if quick_restarts >= MAX_QUICK_RESTARTS:
            return VERDICTS[Cause.CLOSED]
        case Cause.BAD_SESSION if bad_sessions + 1 >= MAX_BAD_SESSIONS:
            return _BAD_SESSION
        case _ if VERDICTS[cause].trigger is Trigger.PAIRING_EXPIRED and state not in PAIRING | {State.CONNECTING}:
            return VERDICTS[Cause.LOST]  # there was no pairing that could end
        case _:
            return VERDICTS[cause]
