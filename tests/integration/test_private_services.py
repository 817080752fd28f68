"""The private services themselves: they serve, they are isolated, and they leave nothing behind."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import aio_pika
import asyncpg
import psutil
import pytest
from miniopy_async.api import Minio
from miniopy_async.error import S3Error
from redis.asyncio import Redis

from deploy.local.postgresql import PostgreSQL
from deploy.local.seat import Seat
from deploy.local.seaweedfs import SeaweedFS
from deploy.local.services import ROOT, PrivateServices
from tests.support.services.databases import emptied_database
from tests.support.services.private_services import Buckets, fresh_database, query

RUNNER = """
import json, signal, sys, time
from pathlib import Path
from typing import Any, cast
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
from deploy.local.services import PrivateServices
with PrivateServices(Path(sys.argv[1])) as services:
    print(json.dumps(services.environment()), flush=True)
    time.sleep(600)
"""


def s3_client(services: PrivateServices, access_key: str = "", secret_key: str = "") -> Minio:
    """A client with the store's own credentials unless others are given."""
    access, secret = access_key or services.s3_access_key, secret_key or services.s3_secret_key
    return Minio(services.s3_endpoint, access, secret, secure=False)


async def test_the_broker_carries_a_message(services: PrivateServices) -> None:
    async with await aio_pika.connect(services.amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), queue.name)
        message = await queue.get()
    assert message is not None
    assert message.body == b"hello"


async def test_every_test_has_a_database_of_its_own(services: PrivateServices, database_url: str) -> None:
    async with fresh_database(services) as other_url:
        await query(database_url, "CREATE TABLE mine (id int)")
        assert await query(other_url, "SELECT to_regclass('mine')") is None


async def test_a_database_is_a_copy_of_its_template(services: PrivateServices) -> None:
    async with fresh_database(services) as template_url:
        await query(template_url, "CREATE TABLE inherited AS SELECT 7 AS number")
        async with fresh_database(services, template_url.rsplit("/", 1)[1]) as copy_url:
            assert await query(copy_url, "SELECT number FROM inherited") == 7


async def test_a_database_that_comes_again_is_as_a_new_one_or_does_not_come(
    services: PrivateServices, migrated_template: str
) -> None:
    count, epoch = "SELECT count(*) FROM credentials", "SELECT epoch FROM lineage"
    async with emptied_database(services, migrated_template) as url:
        await query(url, "INSERT INTO credentials VALUES ('s1', '', now())")
        await query(url, "UPDATE lineage SET epoch = 7")
        left = cast("Any", await asyncpg.connect(url))
    async with emptied_database(services, migrated_template) as again:
        assert again == url
        assert (await query(again, count), await query(again, epoch)) == (0, 0)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await left.fetchval("SELECT 1")
        await query(again, "ALTER TABLE credentials ADD COLUMN another int")
    async with emptied_database(services, migrated_template) as other:
        assert other != url


@pytest.mark.alone
async def test_commits_survive_a_kill_of_postgresql(services: PrivateServices, database_url: str) -> None:
    await query(database_url, "CREATE TABLE kept AS SELECT 1 AS number")
    await asyncio.to_thread(services.postgresql.kill)
    await asyncio.to_thread(services.postgresql.start)
    assert await query(database_url, "SELECT number FROM kept") == 1


async def test_redis_starts_empty(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("key", "value")
        assert await client.get("key") == b"value"


async def test_s3_keeps_what_it_is_given(services: PrivateServices, buckets: Buckets, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(300_000))
    async with s3_client(services) as client:
        await client.make_bucket(buckets.media)
        await client.fput_object(buckets.media, "a/b", str(source))
        await client.fget_object(buckets.media, "a/b", str(target))
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("access", "secret"), [("gateway", "wrong"), ("nobody", "wrong")])
async def test_s3_refuses_wrong_credentials(services: PrivateServices, access: str, secret: str) -> None:
    async with s3_client(services, access, secret) as client:
        with pytest.raises(S3Error) as refusal:
            await client.list_buckets()
    assert refusal.value.code in {"SignatureDoesNotMatch", "InvalidAccessKeyId"}


@pytest.mark.alone  # RabbitMQ, which takes long, and PostgreSQL are killed and found again at their addresses by others
@pytest.mark.parametrize("name", ["redis", "seaweedfs"])
def test_a_killed_service_comes_back_at_its_address(services: PrivateServices, name: str) -> None:
    handle, before = getattr(services, name), services.environment()
    first = handle.pid
    handle.kill()
    assert handle.pid is None
    handle.start()
    assert handle.pid not in {None, first}
    assert services.environment() == before


@pytest.mark.alone
async def test_a_paused_service_answers_after_it_is_resumed(services: PrivateServices, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        await client.set("key", "before")
        services.redis.pause()
        answer = asyncio.ensure_future(client.get("key"))
        done, _ = await asyncio.wait([answer], timeout=0.3)
        services.redis.resume()
        assert not done
        assert await answer == b"before"


@pytest.fixture
def runner(tmp_path: Path) -> Generator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds services of its own in a very deep folder, and that folder."""
    folder = tmp_path / ("deep" * 30) / "services"
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    yield process, folder
    process.kill()
    process.communicate()


def folders_of(directory: Path) -> list[Path]:
    """Everything that a set of services has on disk; PostgreSQL's cluster may lie elsewhere."""
    seat = Seat.load(directory / "postgresql")
    assert seat is not None
    return [*PostgreSQL(seat).folders(), directory]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])  # SIGTERM ends it as unprepared as SIGKILL
def test_nothing_is_left_when_the_runner_dies(
    runner: tuple[subprocess.Popen[str], Path], number: signal.Signals
) -> None:
    process, directory = runner
    held, folders = psutil.Process(process.pid).children(recursive=True), folders_of(directory)
    assert {"epmd", "redis-server", "weed", "postgres", "beam.smp"} <= {one.name() for one in held}
    process.send_signal(number)
    _, alive = psutil.wait_procs(held, timeout=60)
    assert alive == []
    assert [folder for folder in folders if folder.exists()] == []


async def test_nothing_runs_on_when_the_guardian_is_killed(runner: tuple[subprocess.Popen[str], Path]) -> None:
    process, directory = runner
    (guardian,) = psutil.Process(process.pid).children()
    held, folders = guardian.children(recursive=True), folders_of(directory)
    guardian.kill()
    _, alive = psutil.wait_procs(held, timeout=60)
    assert alive == []
    await sweep(directory, folders)


async def sweep(directory: Path, folders: list[Path]) -> None:
    """Remove the files that nobody was left to remove."""
    seat = Seat.load(directory / "seaweedfs")
    assert seat is not None
    await SeaweedFS(seat).release()
    for folder in folders:
        shutil.rmtree(folder)
