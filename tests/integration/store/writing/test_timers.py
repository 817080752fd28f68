"""Timers of chats: the last one that was set counts, by whichever name of the chat, and is told once."""

from datetime import UTC, datetime, timedelta

from gateway_worker.store.operations.timers import ChatTimer, SetTimers
from gateway_worker.store.records import Fence, Timer
from gateway_worker.store.store import Store

PN, LID = "15550001111@s.whatsapp.net", "204857102938475@lid"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, WEEK = 86_400, 604_800


def _set(seconds: int, minutes: int = 0, *, chat: str = PN) -> SetTimers:
    at = NOON + timedelta(minutes=minutes)
    timer = ChatTimer(
        chat=chat, names=frozenset({PN, LID}), seconds=seconds, changed_at=at, event={"disappearingSeconds": seconds}
    )
    return SetTimers(timers=[timer], event_type="chat.updated.v1")


async def test_the_timer_that_was_set_last_counts_and_each_change_is_told_once(store: Store, fence: Fence) -> None:
    seen = [
        (await store.commit(fence, each))[0]
        for each in (
            _set(0),  # none before, and none now
            _set(DAY, 1),
            _set(DAY, 2),
            _set(WEEK, 1),  # set before the one that counts
            _set(WEEK, 3, chat=LID),
            _set(0, 4),
        )
    ]
    assert seen == [0, 1, 0, 0, 1, 1]
    events = await store.outbox.pending(fence.session_id, 0, 100)
    assert [each.data["disappearingSeconds"] for each in events] == [DAY, WEEK, 0]
    assert await store.timers.of(fence.session_id, 10) == {PN: Timer(seconds=0, changed_at=NOON + timedelta(minutes=4))}
