"""Addresses of PostgreSQL, Redis and S3 as a person writes them: checked. Pure.

RabbitMQ's are the contract's: `schemas.topology.addresses`.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from schemas.topology.addresses import host_and_port, scheme_of

_BUCKET: Final = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")


def check_database(text: str) -> str:
    """A PostgreSQL address as libpq writes it.

    Raises:
        ValueError: it is no such address; the text says what to write, and shows nothing of it but hosts.
    """
    scheme, separator, _ = scheme_of(text)
    if scheme.startswith(("postgresql+", "postgres+")):
        raise ValueError(f"write postgresql://… without +{scheme.partition('+')[2]}: the driver is not chosen here")
    if not separator or scheme not in {"postgresql", "postgres"}:
        raise ValueError("write postgresql://user:password@host:5432/database")
    return text


def check_redis(text: str) -> str:
    """A Redis address. Raises ValueError as `check_database` does."""
    scheme, separator, rest = scheme_of(text)
    if not separator or scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("write redis://[user:password@]host:6379/0, rediss:// for TLS, or unix:///path")
    database = urlsplit(text).path.strip("/")
    if scheme != "unix" and database and not database.isdigit():
        raise ValueError("what follows the host is the number of a database, e.g. /0")
    return f"{scheme}://{rest}"


def check_s3(endpoint: str) -> str:
    """``host[:port]`` of an S3 server. Raises ValueError as `check_database` does."""
    scheme, separator, rest = endpoint.partition("://")
    if separator:
        secure = "true" if scheme.lower() == "https" else "false"
        host = rest.rstrip("/").rpartition("@")[2]
        raise ValueError(f"write host:port without a scheme, e.g. {host}, and GATEWAY_S3_SECURE={secure}")
    if "/" in endpoint:
        raise ValueError("write host:port without a path")
    host_and_port(endpoint)
    return endpoint


def check_bucket(name: str) -> str:
    """The name of a bucket, as S3 allows it. Raises ValueError as `check_database` does."""
    if not _BUCKET.match(name) or ".." in name:
        raise ValueError("a bucket's name is 3 to 63 of a-z 0-9 . - and begins and ends with a letter or digit")
    return name
