"""Why a node of RabbitMQ does not let somebody in: what the driver raised, as a sentence that says what to do. Pure."""

from asyncio import IncompleteReadError
from typing import Final

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ConnectionNotAllowed,
    IncompatibleProtocolError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from schemas.topology import absence as network

_CA: Final = "GATEWAY_AMQP_URL (amqps://…?cafile=/path/ca.pem)"
_NO_AMQP: Final = "what listens there does not speak AMQP, or only with TLS: see GATEWAY_AMQP_URL (amqps://)"


def refusal(url: str, error: BaseException | None) -> str | None:
    """What a refusal means; None for what is none."""
    user = URL(url).user or "guest"
    match error:
        case ProbableAuthenticationError() | AuthenticationError():
            return f"it refuses the user {user!r} or the password: see GATEWAY_AMQP_URL"
        case ConnectionNotAllowed():
            return _no_vhost(url, user)
        case InvalidFrameError() if "OpenOk" in str(error):  # aiormq throws the broker's own words away here
            return _no_vhost(url, user)
        case _:
            return None


def _no_vhost(url: str, user: str) -> str:
    vhost = URL(url).path.removeprefix("/") or "/"
    return (
        f"the virtual host {vhost!r} does not exist, or the user {user!r} may not use it or has too many connections:"
        " see GATEWAY_AMQP_URL (rabbitmqctl add_vhost, set_permissions)"
    )


def absence(error: BaseException | None) -> str:
    """Why it is not there, of what is no refusal."""
    if isinstance(error, IncompatibleProtocolError | InvalidFrameError) or _is_no_frame(error):
        return _NO_AMQP
    if (words := network.absence(error, ca=_CA)) is not None:
        return f"not reachable: {words} (GATEWAY_AMQP_URL)"
    match error:
        case AMQPError(args=(int() as number, str(text))):
            return f"not reachable ({text}, {number})"
        case cause:
            return f"not reachable ({type(cause).__name__})"


def _is_no_frame(error: BaseException | None) -> bool:
    """An answer of another protocol, which the driver takes for the beginning of a frame, and waits for its rest."""
    cause = None if error is None else error.__cause__
    return isinstance(error, AMQPError) and isinstance(cause, IncompleteReadError) and bool(cause.partial)
