"""Redis keys of the contract (section 6), each behind the namespace: routing, live QR codes, worker status.

::

    gateway:session:{sessionId}:worker   the id of the worker that holds it   90 s, told again every 30 s
    gateway:qr:{sessionId}               JSON of the live QR                  as long as the QR, at most 120 s
    gateway:worker:{workerId}:status     hash, what its heartbeats say        90 s, told again every 30 s
    gateway:session:{sessionId}:rate_limit   hash: messagesPerMinute and thisMinute, messagesPerDay and thisDay
    gateway:user:{userId}:rate_limit     the same, for all sessions of a user; a minute, or a day
    gateway:proxy:{hash}:brake           JSON: until when nothing leaves there   as long as that

All go by themselves when whoever keeps them is gone. Two gateways on one
Redis share none of them, since no namespace has a colon.

Losing Redis costs a moment, so nothing here raises but `check`: what cannot be written is dropped, what cannot be read
is not there, and an outage is logged once when it begins and once when it ends.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from gateway_worker.cache.diagnosis import complaint
from gateway_worker.timing.cancelling import cancellable
from schemas.events.workers import WorkerHeartbeat
from schemas.names import SessionId, WorkerId

log = structlog.get_logger(__name__)
T = TypeVar("T")
Json = Mapping[str, object]

CALL_SECONDS: Final = 1.0  # a Redis that is slower than that is as good as away
WORKER_STATUS_SECONDS: Final = 90
ROUTE_SECONDS: Final = 90  # three rounds of `connections.routes`
MAX_QR_SECONDS: Final = 120
_CONNECTIONS: Final = 16
_DROP_ROUTE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_AWAY: Final = (
    RedisError,
    OSError,
    TimeoutError,
    RuntimeError,  # uvloop's, of a connection that broke a moment ago: redis-py does not know it
)


class Cache:
    """Everything we keep in Redis. Opens connections when it needs them.

    Args:
        url: ``redis://[user:password@]host:port/database``, or ``rediss://``.
        namespace: what every key begins with, before a colon.
    """

    def __init__(self, url: str, namespace: str) -> None:
        self._namespace = namespace
        self._url = url
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownVariableType] (redis-py's own kwargs)
            url,
            max_connections=_CONNECTIONS,
            timeout=CALL_SECONDS,
            socket_timeout=CALL_SECONDS,
            socket_connect_timeout=CALL_SECONDS,
            decode_responses=True,
        )
        self._redis: Any = Redis.from_pool(cast("Any", pool))
        self._away = False

    async def stop(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def check(self) -> None:
        """Raises when Redis does not answer, or takes no writes: it is full, a replica, or cannot save."""
        await self._redis.set(f"{self._namespace}:probe:health", "1", px=1)

    async def probe(self, name: str) -> None:
        """Do once, under a `name` of nobody's, whatever is ever done: raises what the driver does when it may not."""
        key = f"{self._namespace}:probe:{name}"
        await self._redis.ping()
        await self._redis.set(key, "1", ex=1)
        await self._redis.get(key)
        await self._redis.eval(_DROP_ROUTE, 1, key, "1")
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(key)
        pipeline.hset(key, mapping={"probe": "1"})
        pipeline.expire(key, 1)
        await pipeline.execute()
        await self._redis.delete(key)

    async def put_qr(self, session_id: SessionId, data: Json, ttl_seconds: int) -> None:
        """Keep the live QR, for at most 120 s."""
        ttl = max(1, min(ttl_seconds, MAX_QR_SECONDS))
        await self._try(self._redis.set(self._qr(session_id), json.dumps(dict(data)), ex=ttl))

    async def qr(self, session_id: SessionId) -> Json | None:
        """The live QR, if there is one."""
        found: str | None = await self._try(self._redis.get(self._qr(session_id)))
        return None if found is None else cast("Json", json.loads(found))

    async def drop_qr(self, session_id: SessionId) -> None:
        """The QR is no longer live."""
        await self._try(self._redis.delete(self._qr(session_id)))

    async def put_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        """The session lives at this worker."""
        await self.put_routes([session_id], worker_id)

    async def put_routes(self, session_ids: Sequence[SessionId], worker_id: WorkerId) -> None:
        """All of them live at this worker; each route goes by itself after 90 s without being told again."""
        pipeline = self._redis.pipeline(transaction=False)
        for each in session_ids:
            pipeline.set(self._route(each), worker_id, ex=ROUTE_SECONDS)
        await self._try(pipeline.execute())

    async def drop_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        """It no longer lives at this worker; a route to another one is left alone."""
        await self._try(self._redis.eval(_DROP_ROUTE, 1, self._route(session_id), worker_id))

    async def put_worker_status(self, worker_id: WorkerId, heartbeat: WorkerHeartbeat) -> None:
        """Replace the worker's status hash; it goes by itself after 90 s without another one."""
        key = self._status(worker_id)
        fields = {"status": heartbeat.status.value, **_flat(heartbeat.metrics.to_data())}
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(key)
        pipeline.hset(key, mapping=fields)
        pipeline.expire(key, WORKER_STATUS_SECONDS)
        await self._try(pipeline.execute())

    async def drop_worker_status(self, worker_id: WorkerId) -> None:
        """The worker is gone."""
        await self._try(self._redis.delete(self._status(worker_id)))

    async def put_rate_limit(self, kind: str, name: str, fields: Mapping[str, str], ttl_seconds: int) -> None:
        """How much of a `session`'s or `user`'s limits is used up."""
        key = f"{self._namespace}:{kind}:{name}:rate_limit"
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(key)
        pipeline.hset(key, mapping=dict(fields))
        pipeline.expire(key, ttl_seconds)
        await self._try(pipeline.execute())

    async def put_brake(self, proxy: str, data: Json, ttl_seconds: int) -> None:
        """What is behind this proxy waits."""
        await self._try(self._redis.set(self._brake(proxy), json.dumps(dict(data)), ex=max(1, ttl_seconds)))

    async def brake(self, proxy: str) -> Json | None:
        """What was put last, as long as it holds."""
        found: str | None = await self._try(self._redis.get(self._brake(proxy)))
        return None if found is None else cast("Json", json.loads(found))

    def _brake(self, proxy: str) -> str:
        return f"{self._namespace}:proxy:{proxy}:brake"

    def _qr(self, session_id: SessionId) -> str:
        return f"{self._namespace}:qr:{session_id}"

    def _route(self, session_id: SessionId) -> str:
        return f"{self._namespace}:session:{session_id}:worker"

    def _status(self, worker_id: WorkerId) -> str:
        return f"{self._namespace}:worker:{worker_id}:status"

    async def _try(self, call: Awaitable[T]) -> T | None:
        try:
            with cancellable():
                answer = await call
        except _AWAY as error:
            if not self._away:
                self._away = True
                log.warning("redis.away", error=type(error).__name__, why=complaint(error, self._url))
            return None
        if self._away:
            self._away = False
            log.info("redis.back")
        return answer


def _flat(metrics: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in metrics.items()}
