"""A database that went back in time: dumped, worked on, dropped, restored."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Member, World
from tests.support.backend import Document
from tests.support.services.private_services import query
from tests.support.whatsapp.phones import Phone

_AT_ONCE: Final = 4


@pytest.mark.timeout(240)
async def test_a_database_restored_from_a_dump_loses_nothing_and_repeats_no_number(
    own_world: World, tmp_path: Path
) -> None:
    world, dump = own_world, tmp_path / "dump"
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _talk(world, ana, ben, "before")
    await _dump(world, dump)
    await _talk(world, ana, ben, "between")
    await world.worker.stop()
    for life in ("restored", "restored again"):  # twice from the same dump: beyond what the first restore told, too
        before = len(world.backend.events)
        await _restore(world, dump)
        worker = await world.stage.start_worker("worker-001")

        seen = await world.backend.state(ana.session_id, "disconnected", after=before)
        await world.backend.state(ana.session_id, "connected", after=before)
        assert seen["data"]["reason"]["code"] == "session.restored"
        await _talk(world, ana, ben, life)
        await worker.stop()
    stats = await world.phones.stats()

    durable = [event for event in world.backend.of(ana.session_id) if "sequence" in event]
    by_id = {event["id"]: event for event in durable}
    sequences = [event["sequence"] for event in by_id.values()]
    assert len(sequences) == len(set(sequences)), "no number with two contents"
    epochs = [event["epoch"] for event in sorted(by_id.values(), key=lambda event: event["sequence"])]
    assert epochs == sorted(epochs)
    assert max(epochs) < 2**31
    assert len([event for event in by_id.values() if _reason(event) == "session.restored"]) == 2
    assert stats["reusedPrekeys"] == stats["reusedCounters"] == 0


async def test_a_worker_notices_that_its_database_is_another_while_it_runs(own_world: World, tmp_path: Path) -> None:
    world, dump = own_world, tmp_path / "dump"
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _talk(world, ana, ben, "before")
    await _dump(world, dump)
    await _talk(world, ana, ben, "between")
    for restore in (_restore, _restore_in_place):
        before = len(world.backend.events)
        await restore(world, dump)
        seen = await world.backend.state(ana.session_id, "disconnected", after=before)
        await world.backend.state(ana.session_id, "connected", after=before)
        assert seen["data"]["reason"]["code"] == "session.restored"
        await _talk(world, ana, ben, f"after {restore.__name__}")
    durable = {event["id"]: event for event in world.backend.of(ana.session_id) if "sequence" in event}
    assert len({event["sequence"] for event in durable.values()}) == len(durable)


def _reason(event: Document) -> str | None:
    return event["data"].get("reason", {}).get("code")


async def _talk(world: World, member: Member, other: Phone, text: str) -> None:
    """Four messages each way, every one of them read at the other end."""
    texts = [f"{text} {number}" for number in range(_AT_ONCE)]
    for each in texts:
        command = await world.send(member, other, f"we: {each}")
        message_id = await world.phones.send(other, member.phone.number, f"they: {each}")
        await world.status(command, "delivered")
        heard = await world.backend.event(
            "message.received.v1", lambda event, wanted=message_id: event["data"]["messageId"] == wanted
        )
        assert heard["data"]["content"]["text"] == f"they: {each}"
    inbox = await world.phones.inbox(other, 0)
    read = [entry["content"]["text"] for entry in inbox]
    assert [each for each in read if each.startswith(f"we: {text} ")][-_AT_ONCE:] == [f"we: {each}" for each in texts]


async def _dump(world: World, file: Path) -> None:
    await _run("pg_dump", "--format=custom", f"--file={file}", world.stage.settings["GATEWAY_DATABASE_URL"])


async def _restore(world: World, dump: Path) -> None:
    """Put what the dump has in the place of the database, whoever uses it."""
    name = world.stage.settings["GATEWAY_DATABASE_URL"].rpartition("/")[2]
    await query(world.services.database_url, f'CREATE DATABASE "{name}-restored"')
    await _run("pg_restore", f"--dbname={world.services.database(f'{name}-restored')}", str(dump))
    await query(world.services.database_url, f'DROP DATABASE "{name}" WITH (FORCE)')
    await query(world.services.database_url, f'ALTER DATABASE "{name}-restored" RENAME TO "{name}"')


async def _restore_in_place(world: World, dump: Path) -> None:
    """Into the database that is used, whose tables are gone for a while."""
    url = world.stage.settings["GATEWAY_DATABASE_URL"]
    await query(url, "DROP SCHEMA public CASCADE")
    await query(url, "CREATE SCHEMA public")
    await _run("pg_restore", f"--dbname={url}", str(dump))


async def _run(*command: str) -> Sequence[str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=dict(os.environ)
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode().splitlines()
