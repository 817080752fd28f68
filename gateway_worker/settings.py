"""Configuration: environment variables with the prefix ``GATEWAY_``, or a ``.env`` file (contract, section 8)."""

import base64
import binascii
import hashlib
import os
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from pydantic import Field, PostgresDsn, RedisDsn, SecretStr, field_validator
from pydantic.networks import AmqpDsn
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.names import WORKER_ID_PATTERN

_KEY_BYTES = 32  # AES-256


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


class Settings(BaseSettings):
    """Everything a worker can be told. Addresses carry credentials, so they are secrets and never printed whole."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    amqp_url: AmqpDsn = AmqpDsn("amqp://guest:guest@127.0.0.1:5672/")
    database_url: PostgresDsn = PostgresDsn("postgresql://postgres@127.0.0.1:5432/gateway")
    redis_url: RedisDsn = RedisDsn("redis://127.0.0.1:6379/0")
    s3_endpoint: str = "127.0.0.1:9000"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_secure: bool = True
    sessions_bucket: str = "whatsapp-sessions"
    media_bucket: str = "whatsapp-media"

    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "gateway"
    backend_queue: str = "gateway.backend"  # empty declares none; follows the namespace when left alone
    worker_id: Annotated[str, Field(pattern=WORKER_ID_PATTERN)] = Field(default_factory=_host_name)
    max_sessions: Annotated[int, Field(ge=1, le=100_000)] = 50
    bridges: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=lambda: max(2, min(8, os.cpu_count() or 2)))

    http_host: str = "0.0.0.0"  # noqa: S104 (probes come from outside the container; the server is read-only)
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8001

    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    message_retention_days: Annotated[int, Field(ge=1)] = 90
    media_retention_days: Annotated[int, Field(ge=1)] = 30

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    whatsapp_version: str | None = None
    whatsapp_url: str | None = None
    whatsapp_root_key: str | None = None
    media_allow_private: bool = False
    media_max_mb: Annotated[int, Field(ge=1, le=2048)] = 2048  # of a document; other kinds have WhatsApp's limits
    media_spool: Path = Field(default_factory=_spool)
    media_spool_mb: Annotated[int, Field(ge=1)] = 768

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """``k1,k2`` → both; the first encrypts, all decrypt."""
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
        return keys

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
        )

    @property
    def raw_encryption_keys(self) -> tuple[bytes, ...]:
        """The AES-256 keys, first the one that encrypts."""
        return tuple(base64.b64decode(key.get_secret_value()) for key in self.encryption_keys)
