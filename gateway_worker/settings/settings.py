"""Configuration: environment variables with the prefix ``GATEWAY_``, or a ``.env`` file (contract, section 8)."""

import base64
import binascii
import hashlib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypedDict

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PostgresDsn,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway_worker.settings import addresses, checks
from gateway_worker.settings.names import PREFIX, misspelt
from schemas.names import WORKER_ID_PATTERN
from schemas.topology.channels import Topology

_KEY_BYTES = 32  # AES-256
_MOST_DAYS = 36_500
_MIN_TOKEN = 16  # characters of what opens the console
_MIN_EVENTS_KEY = 32  # characters: HS256 wants as many bytes (RFC 7518, section 3.2)
_MOST_NAME_BYTES = 255  # of a queue, for RabbitMQ

_Database = Annotated[PostgresDsn, BeforeValidator(checks.database)]
_Origin = Annotated[str, Field(pattern=r"^https?://[^/\s,*]+$")]
_Bucket = Annotated[str, AfterValidator(addresses.check_bucket)]
_S3Key = Annotated[SecretStr, AfterValidator(checks.s3_key)]
_Days = Annotated[int, Field(ge=1, le=_MOST_DAYS)]


def _host_name() -> str:
    """The host's name, reduced to what a worker id may hold."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in socket.gethostname())
    return name[:64] or "worker"


def _spool() -> Path:
    """Where files on their way lie by default."""
    return Path(tempfile.gettempdir()) / f"gateway-media-{os.geteuid()}"


class S3Access(TypedDict):
    """Where S3 is, and who asks."""

    endpoint: str
    access_key: str
    secret_key: str
    secure: bool
    region: str | None
    ca_file: Path | None


class Settings(BaseSettings):
    """Everything a worker can be told. Addresses carry credentials, so they are secrets and never printed whole.

    A ``GATEWAY_…`` name that is none of these, in the environment or in ``.env``, is an error: a typo must not pass for
    a default. Only what Kubernetes adds by itself for a Service of such a name is tolerated.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    amqp_url: Annotated[str, AfterValidator(checks.amqp)] = Field("amqp://guest:guest@127.0.0.1:5672/", repr=False)
    database_url: _Database = Field(PostgresDsn("postgresql://postgres@127.0.0.1:5432/gateway"), repr=False)
    database_direct_url: _Database | None = Field(None, repr=False)
    redis_url: Annotated[str, AfterValidator(checks.redis)] = Field("redis://127.0.0.1:6379/0", repr=False)
    s3_endpoint: Annotated[str, AfterValidator(addresses.check_s3)] = "127.0.0.1:9000"
    s3_access_key: _S3Key = SecretStr("")
    s3_secret_key: _S3Key = SecretStr("")
    s3_secure: bool = True
    s3_region: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    s3_ca_file: Annotated[Path, BeforeValidator(checks.ca)] | None = None
    sessions_bucket: _Bucket = "whatsapp-sessions"
    media_bucket: _Bucket = "whatsapp-media"

    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "gateway"
    reply_queues: Literal["any", "owned"] = "any"  # of others: decision 0021
    backend_queue: str = "gateway.backend"  # empty declares none; follows the namespace when left alone
    worker_id: Annotated[str, Field(pattern=WORKER_ID_PATTERN)] = Field(default_factory=_host_name)
    max_sessions: Annotated[int, Field(ge=1, le=100_000)] = 50
    proxy_brake_seconds: Annotated[int, Field(ge=0, le=3600)] = 60  # after a 463 or 429 of WhatsApp; 0: none
    passkey_handoff_seconds: Annotated[int, Field(ge=0, le=300)] = 300  # 0: the phone's code is always compared
    bridges: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=lambda: max(2, min(8, os.cpu_count() or 2)))

    http_host: Annotated[str, AfterValidator(addresses.check_listening)] = "0.0.0.0"  # noqa: S104 (probes come from outside the container; the server is read-only)
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8001

    webhooks_file: Path | None = None  # a TOML file: deploy/webhooks.md
    webhooks_backend_url: SecretStr | None = None
    webhooks_backend_token: SecretStr | None = None
    webhooks_backend_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    webhooks_allow_private: bool = False
    webhooks_http_port: Annotated[int, Field(ge=0, le=65535)] = 8003

    console_host: Annotated[str, AfterValidator(addresses.check_listening)] = "127.0.0.1"
    console_port: Annotated[int, Field(ge=0, le=65535)] = 8010
    console_token: Annotated[SecretStr, Field(min_length=_MIN_TOKEN)] | None = None
    console_read_only: bool = False
    console_events_key: Annotated[SecretStr, Field(min_length=_MIN_EVENTS_KEY)] | None = None
    console_origins: Annotated[tuple[_Origin, ...], NoDecode] = ()
    console_simulator: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost|\[::1\]):\d+$")] | None = None

    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    message_retention_days: _Days = 90
    media_retention_days: _Days = 30

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    whatsapp_version: Annotated[str, Field(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,12}$")] | None = None
    whatsapp_url: Annotated[str, AfterValidator(addresses.check_whatsapp)] | None = None
    whatsapp_root_key: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")] | None = None
    media_allow_private: bool = False
    media_max_mb: Annotated[int, Field(ge=1, le=2048)] = 2048  # of a document; other kinds have WhatsApp's limits
    media_keep_metadata: bool = False  # in pictures, videos and sounds: where and when they were made, and with what
    media_spool: Annotated[Path, BeforeValidator(checks.folder)] = Field(default_factory=_spool)
    media_spool_mb: Annotated[int, Field(ge=1, le=1024 * 1024)] = 768

    def __init__(self, **given: Any) -> None:
        """From the environment and ``.env``; tests give another ``_env_file``.

        Raises:
            ValidationError: everything that is wrong with them, each by its name.
        """
        env_file = given.get("_env_file", self.model_config.get("env_file"))
        if closed := _closed(env_file):
            raise ValidationError.from_exception_data("settings", [closed], hide_input=True)
        wrong = [_detail(name, advice) for name, advice in _misspelt(env_file).items()]
        try:
            super().__init__(**given)
        except ValidationError as invalid:
            wrong += [_as_given(error) for error in invalid.errors(include_url=False, include_input=False)]
        if wrong:
            raise ValidationError.from_exception_data("settings", wrong, hide_input=True) from None

    @field_validator("encryption_keys", "webhooks_backend_secrets", "console_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """``k1,k2`` → both. Of keys the first encrypts, all decrypt."""
        return [key.strip() for key in value.split(",") if key.strip()] if isinstance(value, str) else value

    @field_validator("encryption_keys")
    @classmethod
    def _are_aes_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            try:
                size = len(base64.b64decode(key.get_secret_value(), validate=True))
            except binascii.Error:
                size = 0
            if size != _KEY_BYTES:
                raise ValueError("each of ENCRYPTION_KEYS must be base64 of 32 bytes (openssl rand -base64 32)")
        if len({key.get_secret_value() for key in keys}) != len(keys):
            raise ValueError("a key stands there twice")
        return keys

    @field_validator("backend_queue")
    @classmethod
    def _is_no_queue_of_the_broker(cls, name: str) -> str:
        if name.startswith("amq."):
            raise ValueError("names that begin with amq. belong to RabbitMQ")
        if len(name.encode()) > _MOST_NAME_BYTES or not name.isprintable() or name != name.strip():
            raise ValueError("the name of a queue has at most 255 bytes, and no space around it")
        return name

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.sessions_bucket == self.media_bucket:
            raise ValueError("GATEWAY_SESSIONS_BUCKET and GATEWAY_MEDIA_BUCKET must be two buckets")
        if self.s3_ca_file is not None and not self.s3_secure:
            raise ValueError(
                "GATEWAY_S3_CA_FILE goes with GATEWAY_S3_SECURE=true: without TLS nobody shows a certificate"
            )
        if self.whatsapp_url is not None and self.whatsapp_root_key is None:
            raise ValueError(
                "GATEWAY_WHATSAPP_URL goes with GATEWAY_WHATSAPP_ROOT_KEY: the simulator's, see GET /root-key"
            )
        if self.whatsapp_root_key is not None and self.whatsapp_url is None:
            raise ValueError("GATEWAY_WHATSAPP_ROOT_KEY goes with GATEWAY_WHATSAPP_URL: WhatsApp's own key is built in")
        if self.backend_queue_name is not None and Topology(self.namespace, None).is_own_queue(self.backend_queue_name):
            raise ValueError("GATEWAY_BACKEND_QUEUE is the name of a queue for commands: events need one of their own")
        return self

    _empty = field_validator(
        "database_direct_url",
        "s3_region",
        "s3_ca_file",
        "whatsapp_version",
        "whatsapp_url",
        "whatsapp_root_key",
        "webhooks_file",
        "webhooks_backend_url",
        "webhooks_backend_token",
        "console_token",
        "console_events_key",
        "console_simulator",
        mode="before",
    )(checks.unless_empty)

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def backend_queue_name(self) -> str | None:
        """The default event queue's name under this namespace, or None when there is to be none."""
        if self.backend_queue == "gateway.backend":
            return f"{self.namespace}.backend"
        return self.backend_queue or None

    @property
    def direct_database(self) -> str | None:
        """Where PostgreSQL itself is, when a pooler stands before `database_url`."""
        return None if self.database_direct_url is None else str(self.database_direct_url)

    @property
    def own_spool(self) -> Path:
        """This worker's part of the spool: nobody else on this host has one of that name and that database."""
        whose = hashlib.sha256(f"{self.database_url} {self.namespace}".encode()).hexdigest()[:12]
        return self.media_spool / f"{self.worker_id}-{whose}"

    @property
    def s3(self) -> S3Access:
        """How to reach S3, as `objects.client.S3Client` takes it."""
        return S3Access(
            endpoint=self.s3_endpoint,
            access_key=self.s3_access_key.get_secret_value(),
            secret_key=self.s3_secret_key.get_secret_value(),
            secure=self.s3_secure,
            region=self.s3_region,
            ca_file=self.s3_ca_file,
        )

    @property
    def raw_encryption_keys(self) -> tuple[bytes, ...]:
        """The AES-256 keys, first the one that encrypts."""
        return tuple(base64.b64decode(key.get_secret_value()) for key in self.encryption_keys)


def _closed(env_file: object) -> InitErrorDetails | None:
    """An env file that this user may not read, or in a folder that it may not enter, where `sudo -u` leaves people."""
    if not isinstance(env_file, str | Path):
        return None
    try:
        with Path(env_file).open(encoding="utf-8"):
            return None
    except PermissionError:
        return _detail(str(Path(env_file).absolute()), "may not be read by this user: change its rights, or the folder")
    except OSError:
        return None  # there is none


def _misspelt(env_file: object) -> Mapping[str, str]:
    """Names that are no settings, in the environment and in the ``.env`` file → what to do."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    of_file = dotenv_values(env_file) if isinstance(env_file, str | Path) and Path(env_file).is_file() else {}
    return {**misspelt(of_file, known), **misspelt(os.environ, known)}


def _as_given(error: Any) -> InitErrorDetails:
    """One of pydantic's errors, to be raised once more: under the setting's whole name, without the value."""
    name = "_".join(str(part) for part in error["loc"] if isinstance(part, str))
    return _detail(f"{PREFIX}{name}".upper() if name else None, error["msg"].removeprefix("Value error, "))


def _detail(name: str | None, message: str) -> InitErrorDetails:
    kind = PydanticCustomError("setting", "{message}", {"message": message})
    return InitErrorDetails(type=kind, loc=(name,) if name else (), input=None)
