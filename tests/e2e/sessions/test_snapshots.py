import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.local.services import PrivateServices
from tests.e2e.conftest import Member, World, a_world
from tests.support.backend import PATIENCE
from tests.support.services.private_services import Buckets, fresh_database
from tests.support.services.s3 import keep_versions, s3_client, versions
from tests.support.terminal import typed
from tests.support.whatsapp.phones import Phone


@pytest.fixture
async def own_world(
    services: PrivateServices, migrated_template: str, buckets: Buckets, tmp_path: Path
) -> AsyncGenerator[World]:
    """A world whose sessions bucket keeps every version."""
    async with s3_client(services) as client:
        await keep_versions(client, buckets.sessions)
    own = {"GATEWAY_SESSIONS_BUCKET": buckets.sessions, "GATEWAY_MEDIA_BUCKET": buckets.media}
    async with a_world(services, migrated_template, tmp_path, own) as made:
        yield made


async def test_a_session_comes_back_on_an_empty_database_and_talks_both_ways(
    own_world: World, migrated_template: str, tmp_path: Path
) -> None:
    world, ben = own_world, await own_world.phones.give("Ben")
    ana = await world.paired("Ana", options={"readReceipts": False})
    await _says(world, ana, ben, "Hello")
    await _hears(world, ana, ben, "Hello yourself")
    await _snapshots(world, ana.session_id, at_least=1)
    lost = await world.backend.ask("session.describe.v1", ana.session_id)
    await world.worker.stop()

    async with AsyncExitStack() as stack:
        empty = await stack.enter_async_context(fresh_database(world.services, migrated_template))
        world.stage.settings["GATEWAY_DATABASE_URL"] = empty
        code, said = await _restore(world, ana.session_id, tmp_path)
        assert code == 0, said
        again, refusal = await _restore(world, ana.session_id, tmp_path)
        assert again == 1
        assert "has an identity" in refusal
        before = len(world.backend.events)
        worker = await world.stage.start_worker("worker-002")

        restored = await world.backend.state(ana.session_id, "disconnected", after=before)
        connected = await world.backend.state(ana.session_id, "connected", after=before)
        await _hears(world, ana, ben, "Where have you been?")  # with a ratchet that this device has no more
        await _says(world, ana, ben, "Restored")
        await _hears(world, ana, ben, "Welcome back")
        described = await world.backend.ask("session.describe.v1", ana.session_id)
        stats = await world.phones.stats()
        await worker.stop()

    was, found = lost["data"]["result"], described["data"]["result"]
    assert restored["data"]["reason"]["code"] == "session.restored"
    assert int(restored["sequence"]) == 2_000_000_001 > int(was["sequence"])
    assert connected["epoch"] > was["epoch"]
    assert [found[name] for name in ("phone", "jid", "lid")] == [was[name] for name in ("phone", "jid", "lid")]
    assert stats["reusedPrekeys"] == stats["reusedCounters"] == 0
    assert stats["retries"] >= 1
    _assert_sequences(world, ana.session_id)


async def test_deletion_leaves_no_version(own_world: World, tmp_path: Path) -> None:
    world = own_world
    ana, other = await world.paired("Ana"), await world.paired("Zoe")
    await _snapshots(world, ana.session_id, at_least=1)
    await _snapshots(world, other.session_id, at_least=1)

    await world.backend.ask("session.delete.v1", ana.session_id, {})
    await world.backend.state(ana.session_id, "deleted")

    await _snapshots(world, ana.session_id, at_most=0)
    await _snapshots(world, other.session_id, at_least=1)
    code, said = await _restore(world, ana.session_id, tmp_path)
    assert code == 1
    assert "There is no snapshot" in said


async def test_logging_out_removes_the_snapshot_and_pairing_again_makes_another(own_world: World) -> None:
    world = own_world
    ana = await world.paired("Ana")
    await _snapshots(world, ana.session_id, at_least=1)

    await world.backend.ask("session.logout.v1", ana.session_id)
    await world.backend.state(ana.session_id, "logged_out")
    await _snapshots(world, ana.session_id, at_most=0)

    before = len(world.backend.events)
    await world.create(ana.session_id)
    await world.scan(ana.session_id, ana.phone, after=before)
    await world.backend.state(ana.session_id, "connected", after=before)
    await _snapshots(world, ana.session_id, at_least=1)


async def _says(world: World, ana: Member, ben: Phone, text: str) -> None:
    """A message from the session to Ben arrives, once."""
    known = len(await world.phones.inbox(ben))
    await world.status(await world.send(ana, ben, text), "delivered")
    inbox = await world.phones.inbox(ben, at_least=known + 1)
    assert [each["content"]["text"] for each in inbox[known:]] == [text]


async def _hears(world: World, ana: Member, ben: Phone, text: str) -> None:
    """A message from Ben to the session arrives, once."""
    message_id = await world.phones.send(ben, ana.phone.number, text)
    await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == message_id)
    texts = [e["data"]["content"]["text"] for e in world.backend.of(ana.session_id, "message.received.v1")]
    assert texts.count(text) == 1


async def _restore(world: World, session_id: str, folder: Path) -> tuple[int, str]:
    """``gateway-worker session restore``: its exit code and what it says. `folder` takes that."""
    said = await typed(folder, world.stage.settings, "session", "restore", session_id)
    return said.code, " ".join(said.out.split()) + said.error


async def _snapshots(world: World, session_id: str, *, at_least: int = 0, at_most: int = 1_000) -> list[Any]:
    """Versions and delete markers of a session's snapshots, as soon as there are so many (S3 tells nobody)."""
    bucket = world.stage.settings["GATEWAY_SESSIONS_BUCKET"]
    async with s3_client(world.services) as client, asyncio.timeout(PATIENCE):
        while True:
            found = await versions(client, bucket, f"snapshots/{session_id}/")
            if at_least <= len(found) <= at_most:
                return found
            await asyncio.sleep(0.2)


def _assert_sequences(world: World, session_id: str) -> None:
    """No number twice, and no gap but the one that the restore tells of."""
    numbers = sorted({int(event["sequence"]): event for event in world.backend.of(session_id) if "sequence" in event})
    ids = {event["id"] for event in world.backend.of(session_id) if "sequence" in event}
    assert len(ids) == len(numbers)
    jumps = [after for before, after in itertools.pairwise(numbers) if after != before + 1]
    assert jumps == [2_000_000_001]
