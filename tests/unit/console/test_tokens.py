"""Tokens of backends' own pages."""

import time
from typing import Any

import jwt
import pytest

from gateway_worker.console.web.tokens import AUDIENCE, EventTokens, TokenRefusedError

KEY = "k" * 32
NOW = int(time.time())
GOOD: dict[str, Any] = {"sub": "ana", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300}


def made(key: str = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_good_token_says_until_when() -> None:
    assert EventTokens(KEY).ends_at(made(), "ana") == NOW + 300


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "no.token.atall",
        made(key="another" * 6),
        made(algorithm="HS512", key=KEY * 2),
        made(sub="ben"),
        made(sub=None),
        made(aud="something-else"),
        made(aud=None),
        made(exp=None),
        made(iat=None),
        made(exp=NOW - 60, iat=NOW - 360),
        made(iat=NOW + 600, exp=NOW + 900),
        made(exp=NOW + 3601),
        jwt.encode(GOOD, "", algorithm="none"),
        made()[:-2],
        "\udcff",
        made(sub=["ana"]),
        made(sub="Ana"),
        made(exp=str(NOW + 9 * 10**9)),
        made(exp=float("inf")),
        made(iat=[NOW]),
        made(nbf=NOW + 600),
        made(aud=[]),
        made(aud="GATEWAY-EVENTS"),
        f"{jwt.encode(GOOD, '', 'none').rsplit('.', 1)[0]}.{made().rsplit('.', 1)[1]}",
    ],
)
def test_any_other_token_is_refused(token: str | None) -> None:
    with pytest.raises(TokenRefusedError):
        EventTokens(KEY).ends_at(token, "ana")
