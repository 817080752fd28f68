"""Addresses on the web, as commands give them."""

from urllib.parse import urlsplit


def web_address(url: str) -> str:
    """An address that a browser would open; what it leads to is checked where it is opened.

    Raises:
        ValueError: it is none, or holds what parsers read in different ways.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("must be an http or https address")
    return url


def open_address(url: str) -> str:
    """A web address without a user name or password: what is told of it must not be a secret."""
    if "@" in urlsplit(web_address(url)).netloc:
        raise ValueError("must not carry a user name or password")
    return url
