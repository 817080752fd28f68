"""Redis knows where each session lives, and learns it again after it has lost everything."""

import asyncio
from collections.abc import Callable, Sequence

from gateway_worker.connections.base.storage import SessionCache
from schemas.names import SessionId, WorkerId

_SECONDS = 30.0


async def keep_routes(cache: SessionCache, worker_id: WorkerId, session_ids: Callable[[], Sequence[SessionId]]) -> None:
    """Tell again and again where the sessions live; for ever."""
    while True:
        await asyncio.sleep(_SECONDS)
        if held := session_ids():
            await cache.put_routes(held, worker_id)
