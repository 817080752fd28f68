"""Addresses of RabbitMQ as a person writes them: read, checked, and shown without their secrets. Pure.

An address may name several nodes, which are tried in turn, in either of two ways::

    amqp://user:password@a:5672,b:5672,c:5672/vhost
    amqp://user:password@a:5672/vhost,amqp://user:password@b:5672/vhost
"""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

_AMQP_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_NEXT_URL: Final = re.compile(r"\s*,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")
"""A name as resolvers take it: of another one they raise what no driver expects."""
_PORT: Final = re.compile(r"[0-9]{1,5}")
_AMQP_FILES: Final = ("cafile", "certfile", "keyfile")


def amqp_nodes(text: str) -> Sequence[str]:
    """The URL of each node, with its port.

    Raises:
        ValueError: it is no such address; the text says what to write, and shows nothing of it but hosts.
    """
    nodes = [node for url in _NEXT_URL.split(text.strip()) for node in _nodes_of(url)]
    if len(set(nodes)) != len(nodes):
        raise ValueError("it names a node twice")
    return nodes


def _nodes_of(url: str) -> Sequence[str]:
    scheme, separator, rest = scheme_of(url)
    if not separator or scheme not in _AMQP_PORTS:
        raise ValueError("write amqp://user:password@host:5672/vhost, or amqps:// for TLS")
    authority, *tail = re.split(r"(?=[/?#])", rest, maxsplit=1)
    credentials, at, hosts = authority.rpartition("@")
    return [
        f"{scheme}://{credentials}{at}{_host_and_port(host, _AMQP_PORTS[scheme])}{''.join(tail)}"
        for host in hosts.split(",")
    ]


def scheme_of(text: str) -> tuple[str, str, str]:
    """The scheme of an address, written the one way, what separates it, and the rest."""
    scheme, separator, rest = text.partition("://")
    return scheme.lower(), separator, rest


def _host_and_port(text: str, default: int) -> str:
    host, port = host_and_port(text.strip())
    return f"{host}:{port or default}"


def host_and_port(text: str) -> tuple[str, int | None]:
    """``host[:port]``, checked. Raises ValueError as `amqp_nodes` does."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    if not (_HOST.fullmatch(host) or _is_ipv6(host)):
        raise ValueError("there is no host in it" if not host else "its host cannot be a host's name")
    if not colon:
        return host, None
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:  # noqa: PLR2004 (TCP's ports)
        raise ValueError("its port must be 1 to 65535")
    return host, int(port)


def _is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address in its brackets."""
    if not (host.startswith("[") and host.endswith("]")):
        return False
    try:
        IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def named_files(amqp_url: str) -> Sequence[str]:
    """The files that an AMQP URL names for TLS."""
    query = parse_qs(urlsplit(amqp_url).query)
    return [path for name in _AMQP_FILES for path in query.get(name, ())]


def named_folders(amqp_url: str) -> Sequence[str]:
    """The folders of certificates that it names."""
    return parse_qs(urlsplit(amqp_url).query).get("capath", ())


def shown(url: str) -> str:
    """Where an address leads, without its secrets: ``host:port``, several with commas between; a path for a socket."""
    parts: SplitResult = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path or "?"
