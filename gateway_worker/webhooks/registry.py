"""Asks the gateway what a backend with the brief's API is to be told, and no event says."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from gateway_worker.client import ClientError, Gateway

log = structlog.get_logger(__name__)

_SECONDS: Final = 5.0


class GatewayRegistry:
    """Implements `backend.Registry`. Who does not answer is not waited for: events must go on."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def worker_of(self, session: str) -> str | None:
        """The worker that holds a session; None where nobody does, or nobody knows."""
        try:
            return (await self._gateway.describe_session(session, timeout=_SECONDS)).owner
        except ClientError as error:
            log.info("webhooks.owner_unknown", session_id=session, error=str(error))
            return None

    async def registration(self, worker: str) -> Mapping[str, Any] | None:
        """What ``worker.registered`` said of a worker; None where it does not answer."""
        try:
            found = await self._gateway.describe_worker(worker, timeout=_SECONDS)
        except ClientError as error:
            log.info("webhooks.worker_unknown", worker=worker, error=str(error))
            return None
        known = {
            "workerId": found.worker_id,
            "endpoint": found.endpoint,
            "maxSessions": found.max_sessions,
            "version": found.version,
        }
        return {name: value for name, value in known.items() if value is not None}
