"""Whether a command may wait for a session's connection, or is refused. Pure."""

from gateway_worker.connections.lifecycle.states import State
from schemas.errors import (
    AccountRestricted,
    ClientOutdated,
    GatewayError,
    PasskeyRequiredError,
    SessionNotConnected,
)
from schemas.events.sessions import Reason


def refusal(state: State, reason: Reason | None) -> GatewayError:
    """What a command is told of a session that will not connect by itself."""
    match state:
        case State.RESTRICTED:
            return AccountRestricted()
        case State.PASSKEY_REQUIRED:
            return PasskeyRequiredError()
        case State.FAILED if reason is not None and reason.code == ClientOutdated.code:
            return ClientOutdated()
        case _:
            detail = {"state": state.value}
            if reason is not None:
                detail["reason"] = reason.code
            return SessionNotConnected(detail=detail)
