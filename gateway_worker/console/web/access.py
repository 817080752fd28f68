"""Who may use the console: a token to log in with, a cookie that says who did, and a proof that a page of ours asks.

Without a token only this machine is served, and only under its own name: a page from elsewhere whose name was made to
point here (DNS rebinding) asks for another host. A cookie is signed and says nothing; who has logged in is kept here,
so that a restart logs everybody out.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOGIN_SECONDS: Final = 12 * 3600.0
MOST_LOGINS: Final = 1_000
_NAME_BYTES: Final = 16
_SAFE: Final = frozenset({"GET", "HEAD"})
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever asks. `cookie` is what they are known by; `is_new`: it has to be set. `csrf` stands in our pages."""

    cookie: str
    csrf: str
    is_in: bool
    is_new: bool = False


class RefusedError(Exception):
    """The request is not carried out; the text says why, for a person."""


@dataclass(slots=True, kw_only=True)
class Access:
    """Who may.

    Attributes:
        token: what people log in with; None: everybody on this machine may.
        key: signs cookies; another one with each start.
    """

    token: str | None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _logins: OrderedDict[str, float] = field(default_factory=OrderedDict[str, float], repr=False)

    def visitor(self, cookie: str | None, now: float) -> Visitor:
        """Who it is, by the cookie; a stranger gets a new one. `now`: seconds on any clock that goes forward."""
        if cookie is None or not self._is_ours(cookie):
            cookie = self._sign(secrets.token_hex(_NAME_BYTES))
            return Visitor(cookie=cookie, csrf=self._csrf(cookie), is_in=self.token is None, is_new=True)
        is_in = self.token is None or self._logins.get(cookie, 0.0) > now
        return Visitor(cookie=cookie, csrf=self._csrf(cookie), is_in=is_in)

    def log_in(self, token: str, now: float) -> Visitor | None:
        """Another cookie for whoever knows the token."""
        if self.token is None or not _same(token, self.token):
            return None
        cookie = self._sign(secrets.token_hex(_NAME_BYTES))
        self._logins[cookie] = now + LOGIN_SECONDS
        if len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)
        return Visitor(cookie=cookie, csrf=self._csrf(cookie), is_in=True, is_new=True)

    def log_out(self, visitor: Visitor) -> None:
        """The cookie is worth nothing any more."""
        self._logins.pop(visitor.cookie, None)

    def check_host(self, host: str) -> None:
        """Raises RefusedError for a name that is not this machine's, where nothing else tells who asks."""
        if self.token is None and not is_loopback(_name_in(host)):
            raise RefusedError("This console answers to the name of this machine alone: http://127.0.0.1 or localhost.")

    def check_origin(self, method: str, headers: Mapping[str, str], host: str) -> None:
        """Raises RefusedError for a change that another site's page asks for."""
        if method in _SAFE:
            return
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if site not in (None, "same-origin", "none"):
            raise RefusedError("Another site's page asks for this.")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise RefusedError("Another site's page asks for this.")

    def check_csrf(self, visitor: Visitor, given: str | None) -> None:
        """Raises RefusedError where the proof is missing, or somebody else's."""
        if given is None or not _same(given, visitor.csrf):
            raise RefusedError("This page is too old, or not the console's own. Load it again.")

    def _sign(self, name: str) -> str:
        return f"{name}.{self._mac('cookie', name)}"

    def _is_ours(self, cookie: str) -> bool:
        name, _, mac = cookie.partition(".")
        return name.isascii() and _same(mac, self._mac("cookie", name))

    def _csrf(self, cookie: str) -> str:
        return self._mac("csrf", cookie)

    def _mac(self, use: str, text: str) -> str:
        return hmac.new(self.key, f"{use} {text}".encode(), hashlib.sha256).hexdigest()


def _same(given: str, known: str) -> bool:
    """In a time that says nothing. What came as bytes that are no text is no match, and no error."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), known.encode())


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_in(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
