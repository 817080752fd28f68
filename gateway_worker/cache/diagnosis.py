"""Why Redis cannot be used: what the driver raised, as a line that says what to do. Pure."""

from typing import Final
from urllib.parse import unquote, urlsplit

from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from schemas.topology.absence import HUNG_UP, SILENT, absence
from schemas.topology.addresses import shown

_CA: Final = "GATEWAY_REDIS_URL (rediss://…?ssl_ca_certs=/path/ca.pem)"


def complaint(error: Exception, url: str) -> str:
    """What a person is told, in one line, of a Redis at `url` that cannot be used; it shows no secret."""
    return f"Redis at {shown(url)} {_why(error, url)}"


def _why(error: Exception, url: str) -> str:  # noqa: PLR0911 (one line a kind)
    user = unquote(urlsplit(url).username or "") or "default"
    match error:
        case AuthenticationError():
            return f"refuses the user {user!r} or the password, or wants one: see GATEWAY_REDIS_URL"
        case NoPermissionError():
            why = f"does not let the user {user!r} do what it must ({_words(error)})"
            return f"{why}: deploy/operate/connections.md has the ACL"
        case ReadOnlyError():
            return "is a replica, which takes no writes: see GATEWAY_REDIS_URL"
        case InvalidResponse():
            return "is not available: what listens there is no Redis (GATEWAY_REDIS_URL)"
        case ResponseError() if "DB index" in str(error):
            return "has no database of that number: see GATEWAY_REDIS_URL"
        case ResponseError():
            return f"refuses ({_words(error)})"
        case RedisError() | OSError():
            words = absence(error, ca=_CA) or (HUNG_UP if "closed by server" in str(error) else _words(error))
            if words == SILENT and urlsplit(url).scheme == "rediss":
                words += ", as a Redis that does not speak TLS: it waits for the end of a line"
            return f"is not available: {words} (GATEWAY_REDIS_URL)"
        case _:
            return f"is not available: {type(error).__name__} (GATEWAY_REDIS_URL)"


def _words(error: Exception) -> str:
    """Its first line: of these errors it names commands and keys, and no value."""
    return str(error).partition("\n")[0][:200] or type(error).__name__
