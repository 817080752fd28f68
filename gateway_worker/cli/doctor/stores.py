"""Redis and S3: whatever a worker does there is done once, with its rights."""

import secrets

from redis.exceptions import RedisError

from gateway_worker.cache.client import Cache
from gateway_worker.cache.diagnosis import complaint as complaint_of_redis
from gateway_worker.cli.doctor.examination import UnwellError
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.errors import complaint as complaint_of_s3
from gateway_worker.objects.received import ReceivedObjects
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.settings.settings import Settings


async def redis(settings: Settings) -> str:
    """Each command that a worker gives."""
    cache = Cache(settings.redis_url, settings.namespace)
    try:
        await cache.probe(secrets.token_hex(8))
    except (RedisError, OSError) as error:
        raise UnwellError(complaint_of_redis(error, settings.redis_url)) from error
    finally:
        await cache.stop()
    return "routes, codes and figures can be kept"


async def s3(settings: Settings) -> str:
    """Buckets that are missing are made, as a worker does at its start; an object goes through the life of ours."""
    client = S3Client(**settings.s3)
    try:
        made = await Buckets(client, (settings.sessions_bucket, settings.media_bucket)).ensure()
        await SnapshotObjects(client, settings.sessions_bucket).probe()
        await ReceivedObjects(client, settings.media_bucket).probe()
    except OSError as error:
        raise UnwellError(complaint_of_s3(error, settings.s3_endpoint)) from error
    finally:
        await client.stop()
    made_now = f" (made now: {', '.join(made)})" if made else ""
    return f"both buckets are there{made_now}; objects can be stored, listed, read and removed in each"
