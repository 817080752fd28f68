"""The ledger over HTTP, with the unmodified Baileys on the other side."""

from typing import Any

from tests.integration.simulator.companion import baileys
from tests.integration.simulator.conftest import World


async def _record(world: World, message_id: str) -> dict[str, Any]:
    (record,) = [record for record in await world.get("/ledger") if record["messageId"] == message_id]
    return record


def _receipts(world: World, message_id: str) -> int:
    (record,) = world.simulator.core.world.ledger.by_id[message_id]
    return sum(
        delivered.receipted for delivered in record.delivered.values() if not delivered.own and delivered.arrivals
    )


async def test_the_ledger_tells_both_directions_and_re_sends(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        sent = await companion.send(f"{bob}@s.whatsapp.net", "out")
        options = {"messageId": sent}
        await companion.call("send", to=f"{bob}@s.whatsapp.net", content={"text": "out"}, options=options)
        await world.simulator.wait_until(lambda: world.simulator.core.world.stats.copies == 2, 10)
        record = await _record(world, sent)
        assert (record["timesAccepted"], record["acked"]) == (2, 2)
        assert record["delivered"][f"{bob}@s.whatsapp.net"]["decrypted"] == 2
        came = await world.text(bob, ann, "in")
        await companion.received(came)
        await world.simulator.wait_until(lambda: _receipts(world, came) == 2, 10)
        delivered = (await _record(world, came))["delivered"][f"{ann}:1@s.whatsapp.net"]
        # Baileys does not know its own name when its first connection opens, so it does not say that it is there.
        assert (delivered["arrivals"], [receipt["type"] for receipt in delivered["receipts"]]) == (1, ["inactive"])
    assert {record["to"] for record in await world.get(f"/ledger?phone={bob}")} == {
        f"{bob}@s.whatsapp.net",
        f"{ann}@s.whatsapp.net",
    }
    assert await world.delete("/ledger") == {"removed": 2}
    assert await world.get("/ledger?since=0") == []


async def test_what_a_phone_writes_quickly_arrives_in_its_order(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    for number in range(200):
        await world.text(bob, ann, f"text {number}")
    texts = [entry["content"]["text"] for entry in await world.inbox(ann, 200)]
    assert texts == [f"text {number}" for number in range(200)]
