"""The tokens with which a backend's own pages follow one session: JWTs that the backend makes (decision 0043)."""

from dataclasses import dataclass, field
from typing import Final

import jwt

AUDIENCE: Final = "gateway-events"
LONGEST_SECONDS: Final = 3600
_LEEWAY_SECONDS: Final = 10  # between two machines' clocks


class TokenRefusedError(Exception):
    """The token is missing, over, somebody else's, or for another session; the text says which."""


@dataclass(frozen=True, slots=True)
class EventTokens:
    """Reads them. `key` is shared with the backend."""

    key: str = field(repr=False)

    def ends_at(self, token: str | None, session_id: str) -> float:
        """Until when the token lets its holder follow the session: seconds since 1970.

        Raises:
            TokenRefusedError: it does not.
        """
        if token is None:
            raise TokenRefusedError("a token is needed: Authorization: Bearer …, or ?token=…")
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "aud"]},
            )
            begins, ends = int(claims["iat"]), int(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as wrong:
            raise TokenRefusedError(f"the token is not good: {type(wrong).__name__}") from None
        if claims["sub"] != session_id:
            raise TokenRefusedError("the token is for another session")
        if ends - begins > LONGEST_SECONDS:
            raise TokenRefusedError(f"the token is good for too long: at most {LONGEST_SECONDS} s")
        return float(ends)
