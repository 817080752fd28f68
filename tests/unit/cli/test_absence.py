"""What each driver raises of whatever stands at an address becomes one line: what, where, what to do; no secret."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aio_pika
import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway_worker.broker.errors import BrokerError, BrokerRefused
from gateway_worker.broker.nodes import let_in, require_version
from gateway_worker.cache.diagnosis import complaint as complaint_of_redis
from gateway_worker.objects.client import S3Client, right_of
from gateway_worker.objects.errors import S3AwayError, S3RefusedError
from gateway_worker.objects.errors import complaint as complaint_of_s3
from gateway_worker.store.errors import DatabaseTooOld, StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import complaint as complaint_of_postgresql
from gateway_worker.store.postgres.driver_errors import require_version as require_postgresql
from gateway_worker.store.postgres.driver_errors import translated
from tests.support.network.certificates import self_signed

PATIENCE: Final = 60  # seconds, for what answers
HASTE: Final = 1  # for what never does
Told = Callable[[str, int, bool, int], Awaitable[str]]


async def rabbitmq(host: str, port: int, tls: bool, seconds: int) -> str:  # noqa: FBT001 (as the others)
    with pytest.raises(BrokerError) as caught:
        await let_in(f"amqp{'s' * tls}://u:hidden@{host}:{port}/", aio_pika.connect, seconds)
    return str(caught.value)


async def postgresql(host: str, port: int, tls: bool, seconds: int) -> str:  # noqa: FBT001
    url = f"postgresql://u:hidden@{host}:{port}/d" + "?sslmode=require" * tls
    with pytest.raises((StoreError, StoreUnavailable)) as caught, translated():
        await asyncpg.connect(url, timeout=seconds)  # pyright: ignore[reportUnknownMemberType] -- asyncpg has no types
    return complaint_of_postgresql(caught.value, url)


async def redis(host: str, port: int, tls: bool, seconds: int) -> str:  # noqa: FBT001
    url = f"redis{'s' * tls}://u:hidden@{host}:{port}/0"
    async with Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds) as client:
        with pytest.raises((RedisError, OSError)) as caught:
            await client.get("key")
    return complaint_of_redis(caught.value, url)


async def s3(host: str, port: int, tls: bool, seconds: int) -> str:  # noqa: FBT001
    client = S3Client(endpoint=f"{host}:{port}", access_key="k", secret_key="hidden", secure=tls)
    with pytest.raises((S3AwayError, TimeoutError)) as caught:
        async with client.calling(seconds) as driver:
            await driver.bucket_exists("bucket")
    await client.stop()
    return complaint_of_s3(caught.value, f"{host}:{port}")


SERVICES: Final[Mapping[str, Told]] = {"RabbitMQ": rabbitmq, "PostgreSQL": postgresql, "Redis": redis, "S3": s3}


async def answers_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    body = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    writer.write(body)
    writer.close()


async def hangs_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass
    writer.close()


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncGenerator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def answers_of_all(host: str, port: int, *, tls: bool = False, seconds: int = PATIENCE) -> dict[str, str]:
    """What is told of each service there, when its time has come."""
    event = await asyncio.gather(*(ask(host, port, tls, seconds) for ask in SERVICES.values()))
    for name, line in zip(SERVICES, event, strict=True):
        assert line.startswith(f"{name} at {host}:{port}"), line
        assert "hidden" not in line
        assert "\n" not in line
        assert (
            f"GATEWAY_{ {'RabbitMQ': 'AMQP', 'PostgreSQL': 'DATABASE', 'Redis': 'REDIS', 'S3': 'S3'}[name] }_" in line
        ), line
    return dict(zip(SERVICES, event, strict=True))


async def test_a_host_that_nobody_knows() -> None:
    for line in (await answers_of_all("no-such-host.invalid", 1234)).values():
        assert "its host name" in line


async def test_a_port_at_which_nothing_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for line in (await answers_of_all("127.0.0.1", port)).values():
        assert "nothing listens there" in line


async def test_something_else_listens() -> None:
    async with listening(answers_http) as port:
        event = await answers_of_all("127.0.0.1", port)
    assert "does not speak AMQP" in event["RabbitMQ"]
    assert "is no PostgreSQL" in event["PostgreSQL"]
    assert "is no Redis" in event["Redis"]
    assert "is not S3" in event["S3"]


async def test_it_hangs_up_or_says_nothing() -> None:
    async with listening(hangs_up) as port:
        for line in (await answers_of_all("127.0.0.1", port)).values():
            assert "hangs up" in line
    async with listening(says_nothing) as port:
        for line in (await answers_of_all("127.0.0.1", port, seconds=HASTE)).values():
            assert "does not answer" in line
        told = await answers_of_all("127.0.0.1", port, tls=True, seconds=HASTE)
        assert "does not speak TLS" in told["Redis"]


async def test_tls_with_an_unknown_ca_or_for_another_host_or_where_there_is_none(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    async with listening(answers_http, context) as port:
        event = await answers_of_all("127.0.0.1", port, tls=True)
        assert "name its CA in GATEWAY_AMQP_URL (amqps://…?cafile=" in event["RabbitMQ"]
        assert "name its CA in GATEWAY_REDIS_URL (rediss://…?ssl_ca_certs=" in event["Redis"]
        assert "name its CA in GATEWAY_S3_CA_FILE" in event["S3"]
        for name, line in (await answers_of_all("127.0.0.1", port)).items():
            assert "hangs up" in line, name  # plain on TLS
    async with listening(answers_http) as port:
        event = await answers_of_all("127.0.0.1", port, tls=True)
    assert "none with TLS" in event.pop("PostgreSQL")
    for line in event.values():
        assert "does not speak TLS" in line


async def test_a_ca_of_its_own_is_trusted_for_s3(tmp_path: Path) -> None:
    context, trusted = self_signed(tmp_path)
    async with listening(answers_http, context) as port:
        client = S3Client(
            endpoint=f"127.0.0.1:{port}", access_key="k", secret_key="s", secure=True, region="eu-1", ca_file=trusted
        )
        with pytest.raises(S3RefusedError, match="BadRequest"):  # it was spoken to, over TLS
            async with client.calling(PATIENCE) as driver:
                await driver.bucket_exists("bucket")
        await client.stop()


def test_a_server_that_is_too_old_is_named_with_what_is_needed() -> None:
    assert require_version({"product": "RabbitMQ", "version": "3.10.8"}, "amqp://u:p@host/") == "3.10.8"
    assert require_version({"product": "RabbitMQ", "version": "4.1.0"}, "amqp://u:p@host/") == "4.1.0"
    assert require_version({"product": "Another", "version": "1.0"}, "amqp://u:p@host/") == "1.0"
    with pytest.raises(BrokerRefused, match=r"RabbitMQ at host: it is 3\.8\.9, 3\.10 or newer"):
        require_version({"product": b"RabbitMQ", "version": b"3.8.9"}, "amqp://u:p@host/")
    for version in ("15.8 (Debian 15.8-0+deb12u1)", "17.2", "18beta1", ""):
        require_postgresql(version)
    with pytest.raises(DatabaseTooOld, match=r"it is PostgreSQL 13\.14: 15 or newer"):
        require_postgresql("13.14 (Debian 13.14-1)")


@pytest.mark.parametrize(
    ("method", "of_object", "query", "right"),
    [
        ("HEAD", False, {}, "ListBucket"),
        ("PUT", False, {}, "CreateBucket"),
        ("GET", False, {"location": ""}, "GetBucketLocation"),
        ("GET", False, {"versions": "", "prefix": "a"}, "ListBucketVersions"),
        ("GET", False, {"uploads": ""}, "ListBucketMultipartUploads"),
        ("PUT", True, {}, "PutObject"),
        ("PUT", True, {"uploadId": "1", "partNumber": "1"}, "PutObject"),
        ("DELETE", True, {"uploadId": "1"}, "AbortMultipartUpload"),
        ("DELETE", True, {"versionId": "1"}, "DeleteObjectVersion"),
        ("DELETE", True, {}, "DeleteObject"),
    ],
)
def test_what_s3_refuses_is_named_by_its_right(method: str, of_object: bool, query: dict[str, str], right: str) -> None:  # noqa: FBT001
    assert right_of(method, of_object=of_object, query=query) == right
