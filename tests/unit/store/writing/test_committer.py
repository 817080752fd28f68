"""Which writes share a transaction, what one that goes wrong does to the others, and that nothing is written twice."""

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway_worker.store.errors import ContentRefused, EventTooLarge, StaleEpoch, StoreUnavailable
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.writing.committer import MAX_GROUP, MAX_WAITING, MAX_WEIGHT
from schemas.names import MAX_EVENT_BYTES
from tests.support.connections.virtual_time import virtual
from tests.support.store.committing import committing, keys
from tests.support.store.memory_server import REFUSED, Commit

ALL_TRIES = [0.0, 0.1, 0.4, 1.4, 3.4, 7.4, 13.4]  # seconds


def numbered(count: int) -> list[str]:
    return [f"e{number}" for number in range(count)]


@virtual
async def test_what_comes_while_a_commit_is_under_way_shares_the_next_one() -> None:
    async with committing() as scene:
        scene.server.may_commit.clear()
        first = asyncio.create_task(scene.write("anna", "first"))
        await asyncio.sleep(1)
        others = [asyncio.create_task(scene.write("anna", each)) for each in numbered(5)]
        await asyncio.sleep(1)
        scene.server.may_commit.set()
        assert await asyncio.gather(first, *others) == [(None,)] * 6
        assert scene.server.groups == [["first"], numbered(5)]
        assert scene.server.types("anna") == ["first", *numbered(5)]


@virtual
async def test_a_group_has_a_largest_size() -> None:
    async with committing() as scene:
        await scene.together(*(("anna", each) for each in numbered(MAX_GROUP + 1)))
        assert [len(each) for each in scene.server.groups] == [MAX_GROUP, 1]


@virtual
async def test_a_group_has_a_largest_weight_which_a_single_write_may_exceed() -> None:
    async with committing() as scene:
        half = MAX_WEIGHT // 2
        await asyncio.gather(*(scene.write_all("anna", keys(each)) for each in (half, half, MAX_WEIGHT + 1, half)))
        assert scene.server.groups == [[f"{half} keys"] * 2, [f"{MAX_WEIGHT + 1} keys"], [f"{half} keys"]]


@virtual
async def test_each_operation_has_its_answer_and_events_are_in_the_order_of_the_writes() -> None:
    """Though one statement writes all keys, before the others."""
    async with committing() as scene:
        told, answers = await asyncio.gather(
            scene.write("anna", "first"), scene.write_all("anna", keys(2), AppendEvent(type="x", data={}), keys(3))
        )
        assert (told, answers) == ((None,), (2, None, 3))
        assert scene.server.types("anna") == ["first", "2 keys", "x", "3 keys"]
        assert len(scene.server.groups) == 1
        await scene.write("anna", "next")
        assert scene.server.types("anna")[-1] == "next"


@virtual
async def test_an_event_that_nobody_could_publish_is_refused_and_its_neighbour_is_not() -> None:
    async with committing() as scene:
        room = MAX_EVENT_BYTES - 16 * 1024
        fitting, too_large, neighbour = await asyncio.gather(
            scene.write_all("anna", AppendEvent(type="fitting", data={"text": "x" * (room - 200)})),
            scene.write_all("anna", AppendEvent(type="too large", data={"text": "x" * room})),
            scene.write("anna", "neighbour"),
            return_exceptions=True,
        )
        assert (fitting, type(too_large), neighbour) == ((None,), EventTooLarge, (None,))
        assert scene.server.types("anna") == ["fitting", "neighbour"]


@virtual
async def test_what_must_stand_alone_has_a_transaction_for_itself_in_its_place() -> None:
    async with committing() as scene:
        dropped = scene.write_all("anna", DropCredentials())
        await asyncio.gather(scene.write("anna", "before"), dropped, scene.write("anna", "after"))
        assert scene.server.groups == [["before"], [], ["after"]]


@virtual
async def test_listeners_hear_of_what_is_committed_before_its_caller_does() -> None:
    async with committing() as scene:
        scene.server.may_commit.clear()
        heard_then: list[list[str]] = []
        writing = asyncio.create_task(scene.write("anna", "a", "b"))
        writing.add_done_callback(lambda _: heard_then.append([each.type for each in scene.heard]))
        await asyncio.sleep(1)
        assert scene.heard == []
        scene.server.may_commit.set()
        await writing
        assert heard_then == [["a", "b"]]
        assert [(each.session_id, each.sequence, each.epoch) for each in scene.heard] == [
            ("anna", 1, 1),
            ("anna", 2, 1),
        ]


@virtual
async def test_a_fence_that_does_not_hold_is_refused_and_its_neighbours_go_on() -> None:
    async with committing() as scene:
        good, stale, gone = await asyncio.gather(
            scene.write("anna", "a"),
            scene.write("anna", "b", epoch=2),
            scene.write("gone", "c"),
            return_exceptions=True,
        )
        assert (good, type(stale), type(gone)) == ((None,), StaleEpoch, StaleEpoch)
        assert (scene.server.types("anna"), len(scene.server.groups)) == (["a"], 1)


@pytest.mark.parametrize("place", [0, 3, 7])
@virtual
async def test_a_write_that_is_refused_harms_no_neighbour(place: int) -> None:
    async with committing() as scene:
        types = numbered(8)
        types[place] = REFUSED
        answers = await scene.together(*(("anna", each) for each in types))
        assert isinstance(answers[place], ContentRefused)
        assert [each for each in answers if each == (None,)] == [(None,)] * 7
        assert scene.server.types("anna") == [each for each in types if each != REFUSED]


@virtual
async def test_a_connection_that_broke_is_not_noticed() -> None:
    async with committing() as scene:
        scene.server.away = 1
        assert await scene.write("anna", "a") == (None,)
        assert scene.server.tries == pytest.approx(ALL_TRIES[:2], abs=0.001)


@virtual
async def test_a_server_that_is_away_is_said_soon_as_nothing_was_committed() -> None:
    async with committing() as scene:
        scene.server.away = 2
        failed = await scene.together(("anna", "a"), ("ben", "b"))
        assert [type(each) for each in failed] == [StoreUnavailable] * 2
        assert failed[0] is not failed[1], "each caller has an error of its own"
        assert (len(scene.server.tries), scene.server.outbox, scene.heard) == (2, [], [])
        assert await scene.write("anna", "c") == (None,)


@pytest.mark.parametrize(
    "commits", [[Commit.UNANSWERED], [Commit.LOST], [Commit.SLOW], [Commit.LOST, Commit.UNANSWERED]]
)
@virtual
async def test_a_commit_that_is_not_answered_takes_effect_once(commits: list[Commit]) -> None:
    async with committing() as scene:
        scene.server.commits.extend(commits)
        assert await scene.together(("anna", "a"), ("ben", "b")) == [(None,)] * 2
        assert [len(scene.server.types(each)) for each in ("anna", "ben")] == [1, 1]
        assert [each.event_id for each in scene.heard] == [each.event_id for each in scene.server.outbox]


@virtual
async def test_what_tells_of_nothing_is_written_again_when_its_commit_is_not_answered() -> None:
    """No event of it could say whether it took effect."""
    async with committing() as scene:
        scene.server.commits.append(Commit.LOST)
        await scene.write_all("anna", DropCredentials())
        assert scene.server.others == ["DROP anna"]


@virtual
async def test_a_commit_that_is_not_answered_is_asked_for_patiently() -> None:
    """To say that it failed would be a lie if it did not."""
    async with committing() as scene:
        scene.server.commits.append(Commit.UNANSWERED)
        writing = asyncio.create_task(scene.write("anna", "a"))
        await asyncio.sleep(0.05)
        scene.server.away = len(ALL_TRIES) - 2
        assert await writing == (None,)
        assert scene.server.tries == pytest.approx(ALL_TRIES, abs=0.001)
        assert scene.server.types("anna") == ["a"]


@virtual
async def test_a_lock_does_not_make_one_forget_that_a_commit_may_have_taken_effect() -> None:
    async with committing() as scene:
        scene.server.commits.append(Commit.UNANSWERED)
        writing = asyncio.create_task(scene.write("anna", "a"))
        await asyncio.sleep(0.05)
        scene.server.locked.add("anna")
        await asyncio.sleep(1)
        scene.server.locked.clear()
        assert await writing == (None,)
        assert scene.server.types("anna") == ["a"]


@virtual
async def test_a_locked_session_holds_up_itself_alone_and_keeps_its_order() -> None:
    async with committing() as scene:
        scene.server.locked.add("anna")
        held = [asyncio.create_task(scene.write("anna", each)) for each in ("a1", "a2")]
        assert await scene.write("ben", "b1") == (None,)
        held.append(asyncio.create_task(scene.write("anna", "a3")))
        assert await scene.write("ben", "b2") == (None,)
        assert asyncio.get_running_loop().time() < 0.1
        await asyncio.sleep(5)
        assert not any(each.done() for each in held)
        scene.server.locked.clear()
        await asyncio.gather(*held)
        assert [scene.server.types(each) for each in ("anna", "ben")] == [["a1", "a2", "a3"], ["b1", "b2"]]
        assert scene.server.lock_timeouts == {"200ms"}, "for other rows of theirs"


@virtual
async def test_a_locked_row_beneath_a_session_is_found_among_its_neighbours() -> None:
    async with committing("anna", "ben", "cleo", "dora") as scene:
        scene.server.locked_beneath.add("cleo")
        names = ["anna", "cleo", "ben", "cleo", "dora"]
        writes = [asyncio.create_task(scene.write(name, f"{name}{n}")) for n, name in enumerate(names)]
        await asyncio.sleep(5)
        assert [each.done() for each in writes] == [True, False, True, False, True]
        scene.server.locked_beneath.clear()
        await asyncio.gather(*writes)
        assert scene.server.types("cleo") == ["cleo1", "cleo3"]


@virtual
async def test_a_lock_that_stays_is_told_as_if_the_store_were_away() -> None:
    async with committing() as scene:
        scene.server.locked.add("anna")
        with pytest.raises(StoreUnavailable):
            await scene.write("anna", "a")
        assert 20 <= asyncio.get_running_loop().time() < 21
        scene.server.locked.clear()
        await scene.write("anna", "b")
        assert scene.server.types("anna") == ["b"]


@virtual
async def test_a_caller_that_goes_while_it_waits_for_room_has_written_nothing() -> None:
    async with committing() as scene:
        scene.server.may_commit.clear()
        waiting = [asyncio.create_task(scene.write("anna", each)) for each in numbered(MAX_WAITING)]
        beyond = asyncio.create_task(scene.write("anna", "beyond"))
        await asyncio.sleep(1)
        beyond.cancel()
        waiting[-1].cancel()
        scene.server.may_commit.set()
        await asyncio.gather(*waiting, beyond, return_exceptions=True)
        scene.committer.stop()
        await scene.together(("anna", "too late"))
        while len(scene.server.outbox) < MAX_WAITING:  # noqa: ASYNC110 (the last one's caller has gone)
            await asyncio.sleep(0.01)
        assert scene.server.types("anna") == numbered(MAX_WAITING)


@virtual
async def test_a_write_that_failed_after_its_caller_had_gone_is_logged() -> None:
    async with committing() as scene:
        scene.server.may_commit.clear()
        first, left = (asyncio.create_task(scene.write("anna", each)) for each in ("first", REFUSED))
        await asyncio.sleep(1)
        left.cancel()
        with capture_logs() as logs:
            scene.server.may_commit.set()
            await first
            await scene.write("anna", "behind it")
        assert logs == [
            {"event": "store.write_without_caller_failed", "log_level": "warning", "error": "ContentRefused"}
        ]


@virtual
async def test_a_lock_does_not_hold_up_the_end_of_a_worker() -> None:
    async with committing() as scene:
        scene.server.locked.add("anna")
        held = asyncio.create_task(scene.write("anna", "a"))
        await asyncio.sleep(0.1)
        scene.committer.stop()
        with pytest.raises(StoreUnavailable):
            await held
        assert asyncio.get_running_loop().time() < 3


@virtual
async def test_what_waits_when_the_store_stops_is_committed_and_nothing_later() -> None:
    async with committing() as scene:
        scene.server.may_commit.clear()
        waiting = [asyncio.create_task(scene.write("anna", each)) for each in numbered(3)]
        await asyncio.sleep(1)
        waiting.append(asyncio.create_task(scene.write("anna", "e3")))
        await asyncio.sleep(1)
        scene.committer.stop()
        with pytest.raises(StoreUnavailable):
            await scene.write("anna", "too late")
        scene.server.may_commit.set()
        await asyncio.gather(*waiting)
    assert scene.server.types("anna") == numbered(4)
