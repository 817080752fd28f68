import asyncio
import uuid
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from deploy.local.services import PrivateServices
from gateway_worker.cache.client import Cache
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerState
from schemas.names import SessionId, WorkerId

ANA, WORKER = SessionId("ana"), WorkerId("worker-001")


@pytest.fixture
async def cache(redis_url: str) -> AsyncGenerator[Cache]:
    made = Cache(redis_url, "gw")
    yield made
    await made.stop()


async def test_a_qr_is_kept_for_at_most_two_minutes(cache: Cache, redis_url: str) -> None:
    await cache.put_qr(ANA, {"qrString": "2@x"}, 600)

    assert await cache.qr(ANA) == {"qrString": "2@x"}
    async with Redis.from_url(redis_url) as redis:
        assert 0 < await redis.ttl("gw:qr:ana") <= 120
    await cache.drop_qr(ANA)
    assert await cache.qr(ANA) is None


async def test_routes_and_worker_status_have_the_contracts_keys(cache: Cache, redis_url: str) -> None:
    metrics = WorkerMetrics(session_count=2, max_sessions=50, active_connections=1, cpu_usage=3.5, memory_usage=1.0)
    heartbeat = WorkerHeartbeat(worker_id=WORKER, status=WorkerState.ONLINE, metrics=metrics)

    await cache.put_route(ANA, WORKER)
    await cache.put_worker_status(WORKER, heartbeat)

    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        assert await redis.get("gw:session:ana:worker") == "worker-001"
        status = await redis.hgetall("gw:worker:worker-001:status")
        assert (status["status"], status["sessionCount"], status["maxSessions"]) == ("online", "2", "50")
        assert 0 < await redis.ttl("gw:worker:worker-001:status") <= 90
        await cache.drop_route(ANA, WorkerId("worker-002"))
        assert await redis.get("gw:session:ana:worker") == "worker-001", "it was not that worker's"
        await cache.drop_route(ANA, WORKER)
        await cache.drop_worker_status(WORKER)
        assert await redis.keys("*") == []


async def test_two_namespaces_share_nothing_and_every_key_goes_by_itself(cache: Cache, redis_url: str) -> None:
    other = Cache(redis_url, "other")
    for each, worker in ((cache, WORKER), (other, WorkerId("worker-002"))):
        await each.put_routes([ANA, SessionId("ben")], worker)
        await each.put_qr(ANA, {"qrString": worker}, 60)
    await other.drop_qr(ANA)
    await other.drop_route(SessionId("ben"), WorkerId("worker-002"))

    assert (await cache.qr(ANA), await other.qr(ANA)) == ({"qrString": WORKER}, None)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        keys = set(await redis.keys("*"))
        assert keys == {"gw:session:ana:worker", "gw:session:ben:worker", "gw:qr:ana", "other:session:ana:worker"}
        assert all([0 < await redis.ttl(key) <= 90 for key in keys])
    await other.stop()


@pytest.mark.alone
async def test_an_absent_redis_disturbs_nobody_but_the_health_check(services: PrivateServices, redis_url: str) -> None:
    cache = Cache(redis_url, "gw")
    await cache.put_route(ANA, WORKER)
    await asyncio.to_thread(services.redis.kill)
    try:
        await cache.put_route(ANA, WORKER)
        await cache.put_qr(ANA, {}, 20)
        assert await cache.qr(ANA) is None
        with pytest.raises((RedisError, OSError)):
            await cache.check()
    finally:
        await asyncio.to_thread(services.redis.start)
    await cache.put_qr(ANA, {"qrString": "again"}, 20)
    assert await cache.qr(ANA) == {"qrString": "again"}
    await cache.stop()


def test_a_connection_that_broke_a_moment_ago_disturbs_nobody(redis_url: str) -> None:
    """On uvloop, as in a worker: what is written to a transport that has just gone raises a RuntimeError there."""

    async def broken_and_used() -> None:
        cache = Cache(redis_url, "gw")
        await cache.put_qr(ANA, {"qrString": "2@x"}, 60)
        pool: Any = cast("Any", cache)._redis.connection_pool  # nothing else breaks a connection just then
        for each in pool._available_connections:
            each._writer.transport.abort()
        await cache.drop_qr(ANA)
        await cache.put_qr(ANA, {"qrString": "2@y"}, 60)
        assert await cache.qr(ANA) == {"qrString": "2@y"}
        await cache.stop()

    uvloop.run(broken_and_used())


async def test_a_redis_user_limited_to_the_namespace_is_enough(redis_url: str) -> None:
    """The rights that deploy/operate/security.md names."""
    name = f"user-{uuid.uuid4().hex}"
    rights = "resetkeys ~gw:* resetchannels -@all +@connection +get +set +del +hset +expire +eval +multi +exec"
    async with Redis.from_url(redis_url) as redis:
        await redis.execute_command("ACL", "SETUSER", name, "on", ">secret", *rights.split())
        limited = f"redis://{name}:secret@{redis_url.rpartition('@')[2]}"
        cache, other = Cache(limited, "gw"), Cache(limited, "other")
        try:
            metrics = WorkerMetrics(
                session_count=0, max_sessions=1, active_connections=0, cpu_usage=0.0, memory_usage=0.0
            )
            await cache.check()
            with pytest.raises(NoPermissionError):
                await other.check()
            for each in (cache, other):
                await each.put_route(ANA, WORKER)
                await each.put_qr(ANA, {"qrString": "2@x"}, 20)
                await each.put_worker_status(
                    WORKER, WorkerHeartbeat(worker_id=WORKER, status=WorkerState.ONLINE, metrics=metrics)
                )
            assert (await cache.qr(ANA), await other.qr(ANA)) == ({"qrString": "2@x"}, None)
            assert len(await redis.keys("*")) == 3
            await cache.drop_route(ANA, WORKER)
            await cache.drop_worker_status(WORKER)
            assert await redis.keys("*") == [b"gw:qr:ana"]
        finally:
            await cache.stop()
            await other.stop()
            await redis.execute_command("ACL", "DELUSER", name)
