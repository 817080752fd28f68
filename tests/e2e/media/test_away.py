"""The media bucket is away while files of it are to be sent: their chats wait, others do not, and nothing is lost."""

import asyncio
import io
import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import World
from tests.e2e.media.test_in import BUCKET
from tests.support.services.s3 import s3_client

PDF = b"%PDF-1.7\n" + os.urandom(5_000)


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_while_the_bucket_is_away_a_file_and_its_chat_wait_and_other_chats_go_on(own_world: World) -> None:
    world = own_world
    ana, ben, cleo = await world.paired("Ana"), await world.phones.give("Ben"), await world.phones.give("Cleo")
    key = f"{ana.session_id}/out/plan.pdf"
    async with s3_client(world.services) as client, client.calling() as driver:
        await driver.put_object(BUCKET, key, io.BytesIO(PDF), len(PDF))
    await asyncio.to_thread(world.services.seaweedfs.kill)
    try:
        content = {"kind": "document", "media": {"object": key}}
        data = {"to": ben.number, "content": content}
        file = await world.backend.publish("message.send.v1", ana.session_id, data)
        behind = await world.send(ana, ben, "behind it")
        soon = (datetime.now(UTC) + timedelta(seconds=8)).isoformat()
        data = {"to": cleo.number, "content": content}
        impatient = await world.backend.publish("message.send.v1", ana.session_id, data, expiresat=soon)
        expired = await world.status(impatient, "failed")
        elsewhere = await world.send(ana, cleo, "elsewhere")
        await world.status(elsewhere, "delivered")
        assert expired["data"]["error"]["code"] == "command.expired"
        assert world.backend.statuses(file) == world.backend.statuses(behind) == []
    finally:
        await asyncio.to_thread(world.services.seaweedfs.start)
    await world.status(file, "delivered", 60)
    await world.status(behind, "delivered", 60)
    document, text = await world.phones.inbox(ben, 2)
    assert (document["content"]["kind"], document["copies"]) == ("document", 1)
    assert text["content"]["text"] == "behind it"
    async with world.phones.http.get(f"/phones/{ben.number}/media/{document['messageId']}") as answer:
        assert await answer.read() == PDF
