"""WhatsApp Web's current version: a stale one is refused with 405."""

import re
from typing import Final

import aiohttp
import structlog

from gateway_worker.whatsapp.baileys.process.configuration import Version

SERVICE_WORKER: Final = "https://web.whatsapp.com/sw.js"
_REVISION: Final = re.compile(rb'\\?"client_revision\\?":\s*(\d+)')
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_MAX_BYTES: Final = 2 * 1024 * 1024
_HEADERS: Final = {"sec-fetch-site": "none", "user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}
_log = structlog.get_logger(__name__)


def version_in(service_worker: bytes) -> Version | None:
    """The version that WhatsApp Web's service worker names."""
    found = _REVISION.search(service_worker)
    return None if found is None else (2, 3000, int(found.group(1)))


async def newest_version(url: str = SERVICE_WORKER) -> Version | None:
    """Ask WhatsApp; None when it cannot be reached in 5 s or says something else than expected."""
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url, headers=_HEADERS) as answer:
            version = version_in(await answer.content.read(_MAX_BYTES)) if answer.ok else None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        _log.info("whatsapp.version_unreachable", error=type(error).__name__)
        return None
    _log.info("whatsapp.version", version=version)
    return version
