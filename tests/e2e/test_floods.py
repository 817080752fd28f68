"""What strangers sent while nobody was there, at its largest: each is told, in order, and once."""

from typing import Final

import pytest

from tests.e2e.conftest import World
from tests.support.backend import Document

_MANY: Final = 300
_CONTROL: Final = "\x01" * 60_000  # 360,000 bytes in JSON: all of them are more than a frame of 16 MiB holds
_MAX_TEXT: Final = 65_536


@pytest.mark.timeout(400)
async def test_more_than_a_frame_holds_waits_for_a_worker_and_is_told(own_world: World) -> None:
    world = own_world
    ana, eve = await world.paired("Ana"), await world.phones.give("Eve")
    await world.worker.stop()
    sent = [await world.phones.send(eve, ana.phone.jid, _CONTROL) for _ in range(_MANY)]
    giant = {"kind": "raw", "message": {"conversation": "y" * 9_000_000}}  # longer than any client lets one write
    answer = await world.phones.post(f"/phones/{eve.number}/send", {"to": ana.phone.jid, "content": giant})
    sent.append(answer["messageId"])
    sent.append(await world.phones.send(eve, ana.phone.jid, "after"))
    world.worker = await world.stage.start_worker("worker-001")

    def is_last(event: Document) -> bool:
        return event["data"]["messageId"] == sent[-1]

    await world.backend.event("message.received.v1", is_last, 120)
    events = [each for each in world.backend.of(ana.session_id) if each["type"] == "message.received.v1"]
    assert [each["data"]["messageId"] for each in events] == sent
    assert [each["data"]["content"]["text"] for each in events] == [*[_CONTROL] * _MANY, "y" * _MAX_TEXT, "after"]
