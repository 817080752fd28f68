"""What `session.create` says of a session beyond its name: how to pair, how to behave, what to limit."""

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, ValidationInfo, field_validator

from schemas.addresses import Phone
from schemas.model import StrictModel, printable

MAX_PROXY: Final = 2048
MAX_FILE: Final = 2 << 30  # bytes: what WhatsApp's clients send
_PROXY_SCHEMES: Final = frozenset({"http", "https"})  # what Node's own agent can use


def _proxy_address(url: str) -> str:
    """A proxy's address may hold a password: no message repeats it."""
    try:
        parts = urlsplit(printable(url))
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in url:
        raise ValueError("must be an http or https address with a host, e.g. http://user:password@host:8080")
    return url


class PairByQr(StrictModel):
    """Pair by scanning a QR code.

    Attributes:
        method: by a QR code.
    """

    method: Literal["qr"] = "qr"


class PairByCode(StrictModel):
    """Pair by typing a code on the phone with this number.

    Attributes:
        method: by a code that is typed on the phone.
        phone: the account's number, in E.164.
    """

    method: Literal["code"] = "code"
    phone: Annotated[Phone, Field(repr=False)]


def _method_of(value: object) -> str:
    method = value.get("method") if isinstance(value, dict) else getattr(value, "method", None)  # pyright: ignore[reportUnknownVariableType] (any JSON)
    return f"method={method}"


Pairing = Annotated[
    Annotated[PairByQr, Tag("method=qr")] | Annotated[PairByCode, Tag("method=code")],
    Discriminator(_method_of, custom_error_type="method", custom_error_message="must be 'qr' or 'code'"),
]
"""How a device is to be linked."""


class MediaOptions(StrictModel):
    """What becomes of the files of messages that come in.

    Attributes:
        download: fetch them by themselves; otherwise they are `skipped`, and ``media.fetch.v1`` gets them.
        max_bytes: larger ones are skipped, as if `download` were false; none: whatever WhatsApp takes (2 GiB).
    """

    download: bool = True
    max_bytes: Annotated[int, Field(ge=1, le=MAX_FILE)] | None = None


class SessionOptions(StrictModel):
    """How a session behaves. `history` ``"recent"`` asks the phone for recent chats once, after pairing.

    Attributes:
        mark_online: others see the account as online while the session is connected.
        history: what to ask the phone for, once, after pairing: nothing, or recent chats.
        reject_calls: decline every call.
        read_receipts: senders are told what ``message.read.v1`` marks.
        typing: `natural`: show the recipient for a moment that something is being written, before each text.
        media: what becomes of files that come in.
        proxy: an HTTP proxy for all of the session's traffic with WhatsApp, with its password.
    """

    mark_online: bool = False
    history: Literal["none", "recent"] = "none"
    reject_calls: bool = False
    read_receipts: bool = True
    typing: Literal["off", "natural"] = "off"
    media: MediaOptions = MediaOptions()
    proxy: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_PROXY), AfterValidator(_proxy_address)] | None,
        Field(repr=False),
    ] = None


class WarmUp(StrictModel):
    """A daily limit that rises: on day n since the session was made n times `first_day` messages, for `days` days.

    Attributes:
        first_day: how many messages on the first day.
        days: for so many days; from then on there is no such limit.
    """

    first_day: Annotated[int, Field(ge=1, le=100_000)] = 20
    days: Annotated[int, Field(ge=1, le=365)] = 14


class StrangerPause(StrictModel):
    """A random pause between first messages to people whom the session has never talked with.

    Attributes:
        least_seconds: it is no shorter.
        most_seconds: it is no longer.
    """

    least_seconds: Annotated[float, Field(ge=0, le=3600)] = 20
    most_seconds: Annotated[float, Field(ge=0, le=3600)] = 60

    @field_validator("most_seconds")
    @classmethod
    def _not_below_the_least(cls, most_seconds: float, fields: ValidationInfo) -> float:
        if most_seconds < fields.data.get("least_seconds", 0):
            raise ValueError("must not be less than leastSeconds")
        return most_seconds


class UserLimits(StrictModel):
    """Limits for the outgoing messages of all sessions of a user together; those that are left out do not exist.

    Attributes:
        messages_per_minute: faster ones wait.
        messages_per_day: more are rejected with `rate.limited`.
    """

    messages_per_minute: Annotated[int, Field(ge=1, le=100_000)] | None = None
    messages_per_day: Annotated[int, Field(ge=1, le=100_000_000)] | None = None


class SessionLimits(StrictModel):
    """Limits for outgoing messages: per minute paces (messages wait), per day rejects.

    `warmUp` and `strangerPause` spare new accounts; ``{}`` takes their defaults, without them there is neither.

    Attributes:
        messages_per_minute: faster ones wait.
        messages_per_day: more are rejected with `rate.limited`.
        warm_up: a daily limit that rises while the session is new.
        stranger_pause: pauses between first messages to strangers.
    """

    messages_per_minute: Annotated[int, Field(ge=1, le=100_000)] | None = None
    messages_per_day: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    warm_up: WarmUp | None = None
    stranger_pause: StrangerPause | None = None
