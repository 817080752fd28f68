"""What is looked at, and what was found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway_worker.settings.settings import Settings

NAME: Final = "gateway-worker doctor"  # what RabbitMQ and PostgreSQL show
SECONDS: Final = 5.0  # for a connection; an examination has twice that


class UnwellError(Exception):
    """Something is not as a worker needs it. The text is one line: what, where, and what is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One dependency: how to look at it (returns a word of praise, raises when unwell) and the remedy.

    `look` raises `UnwellError`, or an error of the store or the broker.
    """

    name: str
    look: Callable[[Settings], Awaitable[str]]
    remedy: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found; `error` is None when all is well."""

    examination: Examination
    praise: str = ""
    error: str | None = None
