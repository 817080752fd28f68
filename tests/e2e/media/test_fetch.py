"""`media.fetch`: of messages of ours, of what is not kept any more, and of what has no file."""

import base64
import os

from tests.e2e.conftest import Member, World
from tests.e2e.media.test_in import BUCKET, JPEG, event_about, keys, say, stored, with_file
from tests.support.backend import Document
from tests.support.services.private_services import query
from tests.support.services.s3 import s3_client
from tests.support.whatsapp.phones import Phone

PDF = b"%PDF-1.7\n" + os.urandom(5_000)


async def fetch(world: World, member: Member, message_id: str) -> Document:
    return await world.backend.ask("media.fetch.v1", member.session_id, {"messageId": message_id})


async def sent(world: World, member: Member, to: Phone, content: Document, status: str = "delivered") -> str:
    """A message of ours; WhatsApp's id."""
    data = {"to": to.number, "content": content}
    command = await world.backend.publish("message.send.v1", member.session_id, data)
    return (await world.status(command, status))["data"]["messageId"]


def readies(world: World, member: Member) -> int:
    return len(world.backend.of(member.session_id, "media.ready.v1"))


async def test_the_file_of_a_message_of_ours_comes_into_the_bucket(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    content = {"kind": "document", "media": {"base64": base64.b64encode(PDF).decode(), "fileName": "plan.pdf"}}
    message_id = await sent(world, ana, ben, content)

    assert (await fetch(world, ana, message_id))["type"] == "command.accepted.v1"
    ready = (await event_about(world, "media.ready.v1", ana, message_id))["data"]
    assert (ready["media"]["fileName"], ready["media"]["mimetype"]) == ("plan.pdf", "application/pdf")
    assert await stored(world.services, ready["media"]["object"]) == (PDF, "application/pdf")


async def test_a_file_whose_time_was_over_is_fetched_again_under_the_same_key(world: World) -> None:
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    message_id = await say(world, cleo, ana, with_file({"kind": "image"}, JPEG))
    ready = await event_about(world, "media.ready.v1", ana, message_id)
    key = ready["data"]["media"]["object"]
    async with s3_client(world.services) as client, client.calling() as driver:
        await driver.remove_object(BUCKET, key)
    database = world.stage.settings["GATEWAY_DATABASE_URL"]
    await query(database, f"DELETE FROM media WHERE session_id = '{ana.session_id}'")
    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": message_id})
    assert described["data"]["result"]["content"]["media"]["state"] == "skipped"

    assert (await fetch(world, ana, message_id))["type"] == "command.accepted.v1"
    await world.backend.until(lambda: readies(world, ana) == 2, "it is not told again")
    assert await keys(world.services, ana.session_id) == [key]
    assert (await stored(world.services, key))[0] == JPEG


async def test_what_has_no_file_or_is_not_there_is_refused_with_its_code(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    text = await sent(world, ana, ben, {"kind": "text", "text": "Hi"})
    refused = (await fetch(world, ana, text))["data"]
    assert (refused["code"], refused["detail"]["path"]) == ("command.invalid", "data.messageId")

    broken = {"kind": "image", "media": {"base64": base64.b64encode(PDF).decode()}}
    never_sent = await sent(world, ana, ben, broken, "failed")
    refused = (await fetch(world, ana, never_sent))["data"]
    assert (refused["code"], refused["detail"]) == ("media.unreachable", {"reason": "no_place"})

    for message_id in ("3EB0FFFF", "3EB0" + "0" * 18):
        refused = (await fetch(world, ana, message_id))["data"]
        assert (refused["code"], refused["detail"]) == ("message.not_found", {"messageId": message_id})
    assert await keys(world.services, ana.session_id) == []
    assert readies(world, ana) == 0
