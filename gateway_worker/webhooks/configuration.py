"""What ``gateway-worker webhooks`` is told: settings for one backend, and a TOML file for any number of targets."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway_worker.media import addresses
from gateway_worker.webhooks.cloudevents import Mode
from gateway_worker.webhooks.signing import read_secret
from schemas.events.events import EVENTS
from schemas.names import SESSION_ID_PATTERN
from schemas.web_addresses import open_address

BACKEND: Final = "backend"
"""The name of the brief's backend among the targets."""

_MAX_URL: Final = 2048
_KINDS: Final = frozenset(kind.removesuffix(".v1") for kind in EVENTS if not kind.startswith("command.result"))


class ConfigurationError(Exception):
    """It cannot be used; each line says what is wrong with which entry."""


def _resolved(value: object) -> object:
    """``{env = "NAME"}`` and ``{file = "/run/secrets/x"}`` → what lies there."""
    match value:
        case {"env": str(name)} if len(cast("dict[str, object]", value)) == 1:
            if not os.environ.get(name):
                raise ValueError(f"the environment has no {name}")
            return os.environ[name]
        case {"file": str(path)} if len(cast("dict[str, object]", value)) == 1:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{path} cannot be read ({type(error).__name__})") from None
        case _:
            return value


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be printable ASCII without spaces")
    return value


def _secret(value: SecretStr) -> SecretStr:
    read_secret(value.get_secret_value())
    return value


def _kind(value: str) -> str:
    kind = value.removesuffix(".v1")
    group = kind.removesuffix(".*")
    if kind not in _KINDS and not (kind.endswith(".*") and any(known.startswith(f"{group}.") for known in _KINDS)):
        raise ValueError("is no type of event: gateway-worker asyncapi lists them")
    return kind


def _certificate(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path} is not there")
    return path


Token = Annotated[SecretStr, BeforeValidator(_resolved), AfterValidator(_token)]
SigningSecret = Annotated[SecretStr, BeforeValidator(_resolved), AfterValidator(_secret)]
Kind = Annotated[str, AfterValidator(_kind)]


class Receiver(BaseModel):
    """Whoever is called.

    Attributes:
        url: https, and of a public address, unless `allow_private`.
        token: sent as ``Authorization: Bearer``.
        secrets: sign each call; while they are changed there are several.
        types: only these events, ``message.received`` or ``message.*``; empty: all.
        timeout: seconds for one call.
        concurrency: calls at a time, each of another session.
        give_up_hours: so long after an event it is given up.
        allow_private: http too, and addresses of this machine and of private networks.
        ca: a file with the authorities that are trusted instead of the public ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # before what it decides about: pydantic validates in this order
    allow_private: bool = False
    url: Annotated[str, Field(max_length=_MAX_URL, repr=False)]
    token: Token | None = None
    secrets: Annotated[tuple[SigningSecret, ...], Field(max_length=8)] = ()
    types: tuple[Kind, ...] = ()
    timeout: Annotated[float, Field(ge=0.1, le=60.0)] = 5.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    give_up_hours: Annotated[float, Field(gt=0, le=24 * 6)] = 24.0
    ca: Annotated[Path, AfterValidator(_certificate)] | None = None

    _resolve_url = field_validator("url", mode="before")(_resolved)

    @field_validator("url")
    @classmethod
    def _is_open(cls, url: str, info: ValidationInfo) -> str:
        """Literal addresses are judged here, names whenever they are resolved."""
        parts = urlsplit(open_address(url))
        private = bool(info.data.get("allow_private"))
        if parts.fragment:
            raise ValueError("must not have a fragment")
        if parts.scheme != "https" and not private:
            raise ValueError("must be https (or set allow_private, inside a private network)")
        if not _may_be_called(parts.hostname or "", private=private):
            raise ValueError("leads to an address that is not public (or set allow_private)")
        return url

    @property
    def keys(self) -> Sequence[bytes]:
        """What signs."""
        return [read_secret(secret.get_secret_value()) for secret in self.secrets]

    def wants(self, kind: str) -> bool:
        """Whether an event of that type is for it."""
        name = kind.removesuffix(".v1")
        return not self.types or any(
            name == wanted or (wanted.endswith("*") and name.startswith(wanted[:-1])) for wanted in self.types
        )


class Backend(Receiver):
    """A backend with the brief's API; `url` is what its paths stand behind."""

    @field_validator("url")
    @classmethod
    def _is_a_base(cls, url: str) -> str:
        if urlsplit(url).query:
            raise ValueError("must not have a query: the paths of the API come behind it")
        return url.rstrip("/")


class Target(Receiver):
    """A URL that takes events as CloudEvents.

    Attributes:
        name: of its queue, in metrics and logs.
        sessions: only theirs; None: those of all, and of workers.
        mode: ``structured`` or ``binary``.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    sessions: tuple[Annotated[str, Field(pattern=SESSION_ID_PATTERN)], ...] | None = None
    mode: Mode = Mode.STRUCTURED

    @field_validator("sessions")
    @classmethod
    def _are_some(cls, sessions: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if sessions == ():
            raise ValueError("must name at least one (or leave it out for all)")
        return sessions


class Configuration(BaseModel):
    """Everybody who is called."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    backend: Backend | None = None
    targets: tuple[Target, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "Configuration":
        names = [target.name for target in self.targets]
        if BACKEND in names:
            raise ValueError(f"the name {BACKEND!r} is the backend's")
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two targets are called {min(twice)!r}")
        if self.backend is None and not names:
            raise ValueError("there is nobody to call: set GATEWAY_WEBHOOKS_BACKEND_URL, or name targets in a file")
        return self


def load(file: Path | None, backend: Mapping[str, Any]) -> Configuration:
    """What the file and the settings say together.

    Args:
        file: TOML, by the names of `Configuration`.
        backend: what the settings say of the backend, by the names of `Backend`; empty: nothing.

    Raises:
        ConfigurationError: as it says.
    """
    document = {} if file is None else _read(file)
    if backend:
        if "backend" in document:
            raise ConfigurationError(f"{file} has a [backend], and so have the settings: one of the two")
        document["backend"] = dict(backend)
    try:
        return Configuration.model_validate(document)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
        lines = (
            _line(None if backend and error["loc"][:1] == ("backend",) else file, error["loc"], error["msg"])
            for error in errors
        )
        raise ConfigurationError("\n".join(lines)) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as broken:
        raise ConfigurationError(f"{file} is not TOML: {broken}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({type(error).__name__})") from None


def _line(file: Path | None, where: tuple[int | str, ...], what: str) -> str:
    """One thing that is wrong, by its place in the file; without one it is a setting, by its name."""
    place = ".".join(str(part) for part in where)
    name = "_".join(("GATEWAY_WEBHOOKS", *(part.upper() for part in where if isinstance(part, str))))
    parts = (name,) if file is None else (str(file), place)
    return ": ".join(part for part in (*parts, what.removeprefix("Value error, ")) if part)


def _may_be_called(host: str, *, private: bool) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return ":" not in host and not host.replace(".", "").isdigit()  # a name, or a number that aiohttp connects to
    return addresses.is_allowed(address, private=private)
