"""The event stream as a backend has it after it lost some."""

from typing import Any

from tests.e2e.conftest import World


async def test_a_backend_that_lost_events_gets_them_again_under_the_same_ids(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.status(await world.send(ana, ben, "one"), "delivered")
    await world.status(await world.send(ana, ben, "two"), "delivered")
    first = [event for event in world.backend.of(ana.session_id) if "sequence" in event]
    before = len(world.backend.events)

    replayed = await world.backend.ask("events.replay.v1", ana.session_id, {"fromSequence": 1})

    result = replayed["data"]["result"]
    assert result["fromSequence"] == result["oldestSequence"] == "00000000000000000001" == first[0]["sequence"]
    assert result["count"] == int(result["toSequence"]) >= len(first)

    def again() -> list[dict[str, Any]]:
        return [e for e in world.backend.events[before:] if e.get("subject") == ana.session_id and "sequence" in e]

    await world.backend.until(lambda: len(again()) >= result["count"], "all of them again")
    by_id = {event["id"]: event for event in again()}
    assert all(by_id[event["id"]] == event for event in first)
    assert [event["sequence"] for event in again()][: len(first)] == [event["sequence"] for event in first]


async def test_a_part_of_the_events_of_an_unknown_session_is_not_found(world: World) -> None:
    rejected = await world.backend.ask("events.replay.v1", "nobody", {"fromSequence": 3, "toSequence": 9})

    assert rejected["data"]["code"] == "session.not_found"
