"""Addresses of PostgreSQL, Redis and S3 as a person writes them: checked. Pure.

RabbitMQ's are the contract's: `schemas.topology.addresses`.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from schemas.topology.addresses import host_and_port, scheme_of

_AMQP_OPTIONS: Final = {
    **dict.fromkeys(("cafile", "capath", "cadata", "certfile", "keyfile"), re.compile(r".+")),
    "no_verify_ssl": re.compile(r"[01]"),
    "auth": re.compile(r"(?i:plain|amqplain|external)"),
    "heartbeat": re.compile(r"[0-9]{1,5}"),
    "timeout": re.compile(r"[0-9]{1,5}"),
}
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+){3}")
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SERVERS: Final = ("any", "primary", "read-write")
_DATABASE_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_REDIS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_REDIS_DATABASE: Final = re.compile(r"[0-9]{1,6}")
_REDIS_OPTIONS: Final = {
    "db": _REDIS_DATABASE,
    "protocol": re.compile(r"[23]"),
    "client_name": re.compile(r"[!-~]{1,64}"),
    "username": re.compile(r".+"),
    "password": re.compile(r".+"),
}
_REDIS_TLS_OPTIONS: Final = {
    **dict.fromkeys(_REDIS_FILES, re.compile(r".+")),
    "ssl_cert_reqs": re.compile(r"none|optional|required"),
    "ssl_check_hostname": re.compile(r"(?i:true|false|yes|no|0|1)"),
}
"""What redis-py makes of all else is raised at each connection, in whatever needs one: it is refused here."""


def check_amqp_options(url: str) -> None:
    """What follows the ``?`` of a node's URL. Raises ValueError as `check_database` does."""
    _check_options(url, _AMQP_OPTIONS)


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
    for host in urlsplit(text).netloc.rpartition("@")[2].split(","):
        if host and "%" not in host:  # the path of a socket is written so
            host_and_port(host)
    options = dict(_options(text))
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise ValueError(f"its sslmode must be one of {', '.join(_SSL_MODES)}")
    if options.get("target_session_attrs", "any") not in _SERVERS:
        raise ValueError(f"its target_session_attrs must be one of {', '.join(_SERVERS)}: a worker writes")
    return text


def files_of_database(text: str) -> Sequence[str]:
    """The files that a PostgreSQL address names for TLS."""
    return [value for name, value in _options(text) if name in _DATABASE_FILES]


def files_of_redis(text: str) -> Sequence[str]:
    """The files that a Redis address names for TLS."""
    return [value for name, value in _options(text) if name in _REDIS_FILES]


def _options(text: str) -> Sequence[tuple[str, str]]:
    return parse_qsl(urlsplit(text).query, keep_blank_values=True)


def check_redis(text: str) -> str:
    """A Redis address. Raises ValueError as `check_database` does."""
    scheme, separator, rest = scheme_of(text)
    if not separator or scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("write redis://[user:password@]host:6379/0, rediss:// for TLS, or unix:///path")
    parts = urlsplit(text)
    if scheme == "unix":
        if not parts.path.startswith("/") or parts.netloc.rpartition("@")[2]:
            raise ValueError("write the whole path of the socket: unix:///run/redis.sock")
    else:
        host_and_port(parts.netloc.rpartition("@")[2])
        database = parts.path.strip("/")
        if database and not _REDIS_DATABASE.fullmatch(database):
            raise ValueError("what follows the host is the number of a database, e.g. /0")
    _check_redis_options(text, tls=scheme == "rediss")
    return f"{scheme}://{rest}"


def _check_redis_options(text: str, *, tls: bool) -> None:
    known = {**_REDIS_OPTIONS, **(_REDIS_TLS_OPTIONS if tls else {})}
    for name, _ in _options(text):
        if name in _REDIS_TLS_OPTIONS and name not in known:
            raise ValueError(f"its ?{name} goes with rediss:// only")
    _check_options(text, known)


def _check_options(text: str, known: Mapping[str, re.Pattern[str]]) -> None:
    """An option that nobody reads is a typo, and must not pass for a default."""
    for name, value in _options(text):
        if name not in known:
            raise ValueError(f"its ?{name[:40]} is no option of ours: there are {', '.join(known)}")
        if not known[name].fullmatch(value):
            raise ValueError(f"its ?{name} has a value that cannot be")


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


def check_whatsapp(url: str) -> str:
    """``ws://`` or ``wss://`` address. Raises ValueError as `check_database` does."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"}:
        raise ValueError("write wss://host/path, or ws:// for a simulator")
    host_and_port(parts.netloc.rpartition("@")[2])
    return url


def check_listening(host: str) -> str:
    """Where to listen: an address or a name, without a port. Raises ValueError as `check_database` does."""
    if not host.strip():
        raise ValueError("write where to listen: 0.0.0.0 for everybody, 127.0.0.1 for this host alone")
    if _is_ipv6(host):
        return host
    name, port = host_and_port(host)
    if name.startswith("["):
        raise ValueError("write an IPv6 address without brackets")
    if port is not None:
        raise ValueError(f"write {name} alone: the port has a setting of its own")
    return host


def _is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address as sockets take it: without brackets, maybe with its interface."""
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def check_bucket(name: str) -> str:
    """The name of a bucket, as S3 allows it. Raises ValueError as `check_database` does."""
    if not _BUCKET.fullmatch(name) or ".." in name or _IP_ADDRESS.fullmatch(name):
        raise ValueError(
            "a bucket's name is 3 to 63 of a-z 0-9 . - and begins and ends with a letter or digit; no IP address"
        )
    return name
