"""What sessions did is counted with the facts, and told once when the hour is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_worker.store.operations.media import NewMedia, PutMedia, PutUpload, SettleMedia
from gateway_worker.store.operations.receipts import AdvanceParticipant
from gateway_worker.store.operations.usage import ReportUsage
from gateway_worker.store.records import Desired, Fence, MediaState, Status
from gateway_worker.store.store import Store
from schemas.names import WorkerId
from tests.integration.store.conftest import SESSION
from tests.support.store.stores import NOON, OutboxListener, TestClock, advance, arrived, begin, message_id

HOUR = timedelta(hours=1)
GROUP = "120363000000000001@g.us"
REFUSED = {"code": "message.rejected_by_whatsapp", "message": "Refused."}
UNCONFIRMED = {"code": "message.unconfirmed", "message": "No acknowledgement."}


def reports(listener: OutboxListener) -> list[dict[str, Any]]:
    return [dict(event.data) for event in listener.events if event.type == "usage.report.v1"]


async def test_an_hour_adds_up_whatever_came_twice(store: Store, fence: Fence, clock: TestClock) -> None:
    listener = OutboxListener(store)
    await store.commit(fence, *(begin(number) for number in range(1, 6)), arrived(7), arrived(7))
    await store.commit(fence, advance(Status.SENT, 1), advance(Status.SENT, 1), advance(Status.READ, 2))  # overtaken
    await store.commit(fence, advance(Status.DELIVERED, 1), advance(Status.READ, 1), advance(Status.READ, 1))
    await store.commit(fence, advance(Status.FAILED, 3, error=REFUSED), advance(Status.FAILED, 4, error=REFUSED))
    await store.commit(fence, advance(Status.FAILED, 5, error=UNCONFIRMED))
    await store.commit(fence, replace(arrived(8), from_me=True), replace(arrived(9), event_type="message.edited.v1"))
    clock.pass_by(HOUR)
    for _ in range(2):
        await store.commit(fence, ReportUsage(before=clock.now()))
    assert reports(listener) == [
        {
            "sessionId": SESSION,
            "userId": "user1",
            "hour": "2026-11-22T12:00:00Z",
            "sent": 2,
            "delivered": 1,
            "read": 2,
            "received": 1,
            "failed": {"message.rejected_by_whatsapp": 2, "message.unconfirmed": 1},
            "mediaBytesReceived": 0,
            "mediaBytesSent": 0,
        }
    ]


async def test_a_message_to_a_group_counts_once_and_files_by_their_bytes(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    listener = OutboxListener(store)
    await store.commit(fence, replace(begin(1), chat=GROUP, to=GROUP), advance(Status.SENT, 1))
    for person in ("1@s.whatsapp.net", "2@s.whatsapp.net"):
        seen = AdvanceParticipant(message_id=message_id(1), chat=GROUP, participant=person, status=Status.READ, at=NOON)
        await store.commit(fence, replace(seen, status=Status.DELIVERED), seen)
    upload = PutUpload(file_class="image", sha256="ab", size=700, reference={"url": "u"})
    await store.commit(fence, upload)
    await store.commit(fence, upload)  # the commit was not answered
    message = arrived(2)
    put = NewMedia(state=MediaState.PENDING, object="o", value={})
    ready = SettleMedia(
        message_id=message.message_id,
        state=MediaState.READY,
        value={},
        event_type="media.ready.v1",
        event={},
        size=4000,
    )
    await store.commit(fence, message, PutMedia(message_id=message.message_id, media=put), ready, ready)
    clock.pass_by(HOUR)
    await store.commit(fence, ReportUsage(before=clock.now()))
    (found,) = reports(listener)
    assert (found["sent"], found["delivered"], found["read"], found["received"]) == (1, 1, 1, 1)
    assert (found["mediaBytesSent"], found["mediaBytesReceived"]) == (700, 4000)


async def test_hours_go_on_with_whoever_owns_the_session_and_no_clock_tells_one_twice(
    store: Store, fence: Fence
) -> None:
    listener = OutboxListener(store)
    await store.commit(fence, arrived(1))
    record = await store.ownership.claim(SESSION, WorkerId("worker-1"), "run-2")
    assert record is not None
    await store.commit(record.fence, arrived(2))
    assert await store.usage.due(NOON, WorkerId("worker-1"), 10) == []
    one = NOON + HOUR
    assert await store.usage.due(one, WorkerId("worker-2"), 10) == []
    assert await store.usage.due(one, WorkerId("worker-1"), 10) == [record.fence]
    assert await store.commit(record.fence, ReportUsage(before=one)) == (1,)
    await store.commit(record.fence, arrived(3))  # by a clock that is behind: the hour was told
    assert await store.usage.due(one, WorkerId("worker-1"), 10) == []
    assert await store.commit(record.fence, ReportUsage(before=one)) == (0,)
    await store.ownership.release(SESSION, record.epoch)
    assert await store.usage.due(one + HOUR, WorkerId("worker-2"), 10) == [record.fence]  # nobody's: anybody tells it
    assert await store.commit(record.fence, ReportUsage(before=one + HOUR)) == (1,)
    assert [(each["hour"], each["received"]) for each in reports(listener)] == [
        ("2026-11-22T12:00:00Z", 2),
        ("2026-11-22T13:00:00Z", 1),
    ]


async def test_what_is_deleted_tells_the_hour_that_has_begun(store: Store, fence: Fence) -> None:
    listener = OutboxListener(store)
    await store.commit(fence, arrived(1))
    await store.commit(fence, ReportUsage())
    await store.sessions.desire(SESSION, Desired.DELETED)
    await store.outbox.mark_published([(SESSION, event.sequence) for event in listener.events])
    await store.sessions.forget(SESSION, fence.epoch, purge=True)
    assert [each["received"] for each in reports(listener)] == [1]
    assert await store.usage.due(datetime.max.replace(tzinfo=UTC), WorkerId("worker-1"), 10) == []
