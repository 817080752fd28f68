"""An hour of a session is told when it is over."""

from typing import Any, cast

import asyncpg

from tests.e2e.conftest import Member, World


async def test_the_hour_is_told_by_the_worker_and_another_one_goes_on(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    command_id = await world.send(ana, ben.phone, "counted")
    await world.status(command_id, "delivered")
    await world.phones.send(ben.phone, ana.phone.number, "counted too")
    await world.backend.event("message.received.v1", lambda e: e["subject"] == ana.session_id)
    connection = cast("Any", await asyncpg.connect(world.stage.settings["GATEWAY_DATABASE_URL"]))
    try:  # the hour is over sooner
        await connection.execute("UPDATE usage SET hour = hour - interval '1 hour'")
    finally:
        await connection.close()
    seen = await world.backend.event("usage.report.v1", lambda e: e["subject"] == ana.session_id, 60)
    assert int(seen["sequence"]) > 0
    report = seen["data"]
    assert (report["userId"], report["failed"]) == ("tester", {})
    assert min(report["sent"], report["delivered"], report["received"]) >= 1
