"""Who uploads a file dies meanwhile: the message arrives all the same, once and byte for byte, and nothing is left."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from deploy.local.stage import RunningWorker
from tests.e2e.conftest import Member, World, a_world
from tests.support.services.private_services import PrivateServices
from tests.support.services.s3 import s3_client
from tests.support.whatsapp.phones import Phone

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # the S3 client does so
BUCKET = "whatsapp-media"
SECONDS = 120  # that the upload would take
PATIENCE = 90.0


@dataclass(slots=True, kw_only=True)
class Scene:
    """Ana's session uploads a file for Ben, slowly, once."""

    world: World
    ana: Member
    ben: Phone
    spool: Path
    file: bytes
    command: str
    uploads: int

    async def arrives_once(self) -> None:
        """It is told as sent, it came once, with the very bytes, and no other trace of it is anywhere."""
        await self.world.status(self.command, "delivered", PATIENCE)
        (entry,) = await self.world.phones.inbox(self.ben, 1)
        assert entry["copies"] == 1
        assert self.world.backend.statuses(self.command) == ["sent", "delivered"]
        path = f"/phones/{self.ben.number}/media/{entry['messageId']}"
        async with self.world.phones.http.get(path) as answer:
            assert await answer.read() == self.file
        stats = await self.world.phones.stats()
        assert (stats["mediaUploads"], stats["decryptFailures"]) == (self.uploads + 1, 0)

    async def bucket_is_as_it_was(self) -> None:
        """The source is there, and no upload was begun."""
        async with s3_client(self.world.services) as client, client.calling() as driver:
            found = driver.list_objects(BUCKET, prefix=f"{self.ana.session_id}/", recursive=True)
            assert [each.object_name async for each in found] == [self.source]
            unfinished = await driver._list_multipart_uploads(BUCKET, prefix=self.ana.session_id)
            assert unfinished.uploads == []

    @property
    def source(self) -> str:
        return f"{self.ana.session_id}/out/report.pdf"

    def spooled(self, worker_id: str) -> list[Path]:
        """Files that a worker has in its spool."""
        return [each for each in self.spool.glob(f"{worker_id}-*/**/*") if each.is_file()]

    async def spool_is_empty(self, worker_id: str) -> None:
        """A worker ends its job just after it tells of the message."""
        async with asyncio.timeout(60):
            while self.spooled(worker_id):  # noqa: ASYNC110 (a disk tells nobody)
                await asyncio.sleep(0.05)


@pytest.fixture
async def scene(services: PrivateServices, migrated_template: str, tmp_path: Path) -> AsyncGenerator[Scene]:
    """The upload is under way when the test begins."""
    spool = tmp_path / "spool"
    async with a_world(services, migrated_template, tmp_path, {"GATEWAY_MEDIA_SPOOL": str(spool)}) as world:
        ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
        uploads = (await world.phones.stats())["mediaUploads"]
        file = b"%PDF-1.7\n" + os.urandom(24 * 1024 * 1024)
        made = Scene(world=world, ana=ana, ben=ben, spool=spool, file=file, command="", uploads=uploads)
        async with s3_client(services) as client, client.calling(60) as driver:
            await driver.put_object(BUCKET, made.source, io.BytesIO(file), len(file))
        await world.phones.fault("media_slow", ana.phone, after=SECONDS, count=1)
        data = {"to": ben.number, "content": {"kind": "document", "media": {"object": made.source}}}
        struck = (await world.phones.stats())["faultsStruck"]
        made.command = await world.backend.publish("message.send.v1", ana.session_id, data)
        async with asyncio.timeout(60):
            while (await world.phones.stats())["faultsStruck"] == struck:  # noqa: ASYNC110 (a counter over HTTP)
                await asyncio.sleep(0.05)
        assert made.spooled("worker-001"), "it lies in the spool while it is uploaded"
        yield made


async def kill(worker: RunningWorker) -> None:
    os.kill(worker.child.pid, signal.SIGKILL)
    await worker.child.wait()


@pytest.mark.timeout(240)
async def test_a_worker_killed_while_it_uploads_sends_the_file_once_when_it_is_back(scene: Scene) -> None:
    world = scene.world
    await kill(world.worker)
    world.worker = await world.stage.start_worker("worker-001")
    await scene.arrives_once()
    await scene.spool_is_empty("worker-001")
    await scene.bucket_is_as_it_was()


@pytest.mark.timeout(240)
async def test_another_worker_sends_the_file_once_when_the_one_that_uploads_is_killed(scene: Scene) -> None:
    world = scene.world
    await world.stage.start_worker("worker-002")
    await kill(world.worker)
    await scene.arrives_once()
    await scene.spool_is_empty("worker-002")
    await scene.bucket_is_as_it_was()
    await world.stage.start_worker("worker-001")
    assert scene.spooled("worker-001") == [], "whoever comes back has an empty spool"


@pytest.mark.timeout(240)
async def test_a_bridge_killed_while_it_uploads_sends_the_file_once_when_it_is_back(scene: Scene) -> None:
    world = scene.world
    bridges = [
        each for each in psutil.Process(world.worker.child.pid).children(recursive=True) if each.exe().endswith("/node")
    ]
    assert bridges
    for bridge in bridges:
        bridge.kill()
    await scene.arrives_once()
    await scene.spool_is_empty("worker-001")
    await scene.bucket_is_as_it_was()
    assert world.worker.child.is_alive
