"""Whom to trust with media besides the usual authorities: the simulator's media host, when we are pointed at one.

Its address and root key are all that a worker is told. The simulator tells the certificate of its media host beside its
root key (``GET /root-key``, contract section 9), and is believed only when that is the key we were given. Against
WhatsApp itself nobody is asked.
"""

import asyncio
import ssl
import time
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import structlog

_FRESH_SECONDS: Final = 5.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=2)
_MAX_BYTES: Final = 64 * 1024
_log = structlog.get_logger(__name__)


class MediaTrust:
    """Asks before a connection opens, at most every 5 s; a host that does not answer costs 2 s and changes nothing.

    Args:
        url: WhatsApp's WebSocket address; None is the real one.
        root_key: hex of the key that signs its Noise certificates; None is WhatsApp's own.
    """

    def __init__(self, url: str | None, root_key: str | None) -> None:
        self._address = None if url is None or root_key is None else _root_key_address(url)
        self._root_key = (root_key or "").lower()
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self.authority: str | None = None
        """``host:port`` of the simulator's media host; None: WhatsApp's own."""
        self.certificate: str | None = None
        """PEM of the authority to trust as well; None: nobody besides the usual ones."""

    async def refresh(self) -> bool:
        """Ask, unless that was just done; whether the certificate is another one now."""
        if self._address is None:
            return False
        async with self._asking:
            if self._asked_at is not None and time.monotonic() - self._asked_at < _FRESH_SECONDS:
                return False
            payload = await self._ask(self._address)
            self._asked_at = time.monotonic()
            if payload is None or payload == self.certificate:
                return False
            self.certificate, self._context = payload, None
            _log.info("media_host.trusted")
            return True

    def context(self) -> ssl.SSLContext:
        """For our own connections to the media host: the usual authorities, and the certificate where there is one."""
        if self._context is None:
            self._context = ssl.create_default_context()
            if self.certificate is not None:
                self._context.load_verify_locations(cadata=self.certificate)
        return self._context

    async def _ask(self, address: str) -> str | None:
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(address) as answer:
                if not answer.ok or (answer.content_length or 0) > _MAX_BYTES:
                    return None
                payload: dict[str, Any] = await answer.json()
                return self._believed(payload)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            _log.info("media_host.not_asked", error=type(error).__name__)
            return None

    def _believed(self, payload: dict[str, Any]) -> str | None:
        """The certificate, if the one who tells it has the key that we trust, and it is one."""
        certificate = payload.get("mediaCertificate")
        if str(payload.get("rootKey")).lower() != self._root_key or not isinstance(certificate, str):
            return None
        ssl.create_default_context().load_verify_locations(cadata=certificate)
        self.authority = urlsplit(str(payload.get("mediaUrl"))).netloc or None
        return certificate


def _root_key_address(url: str) -> str:
    """``ws://host:port/ws/chat`` → ``http://host:port/root-key``."""
    parts = urlsplit(url)
    return urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, "/root-key", "", ""))
