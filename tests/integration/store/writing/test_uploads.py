"""What lies at WhatsApp's media host, and what a message says of its file, in PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.media import PutUpload
from gateway_worker.store.operations.messages import ReplaceContent
from gateway_worker.store.reading.uploads import LIFETIME
from gateway_worker.store.records import Fence, Json, NewSession, Status
from gateway_worker.store.store import Store
from schemas.names import MessageId, SessionId, UserId, WorkerId
from tests.integration.store.conftest import SESSION
from tests.support.services.private_services import query
from tests.support.store.stores import TestClock, advance, begin, message_id

SHA256 = "ab" * 32
PLACE: Json = {"direct_path": "/v/t62/secret", "media_key": "a2V5"}
READY: Json = {"kind": "document", "media": {"size": 3, "fileName": "plan.pdf", "state": "ready"}}
PENDING: Json = {"kind": "document", "media": {"fileName": "plan.pdf", "state": "pending"}}


def put(number: int = 1, *, file_class: str = "document", sha256: str = SHA256) -> PutUpload:
    return PutUpload(file_class=file_class, sha256=sha256, size=3, reference={**PLACE, "number": number})


def document(number: int = 1) -> Any:
    return replace(begin(number), kind="document", content=PENDING)


async def content(store: Store, number: int = 1) -> Json:
    record = await store.messages.get(SESSION, message_id(number))
    assert record is not None
    return record.content


async def test_a_file_is_found_by_its_hash_and_its_class_as_long_as_whatsapp_keeps_it(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    clock.pass_by(timedelta(days=-100))  # nothing is pruned before its time by the database's clock either
    await store.commit(fence, put())
    assert await store.uploads.find(SESSION, "document", SHA256) == {**PLACE, "number": 1}
    assert await store.uploads.find(SESSION, "image", SHA256) is None
    assert await store.uploads.find(SESSION, "document", "cd" * 32) is None
    assert await store.uploads.find(SessionId("another"), "document", SHA256) is None
    clock.pass_by(LIFETIME - timedelta(seconds=1))
    assert await store.uploads.find(SESSION, "document", SHA256) is not None
    clock.pass_by(timedelta(seconds=2))
    assert await store.uploads.find(SESSION, "document", SHA256) is None
    assert (await store.prune())["uploads"] == 1


async def test_a_file_that_was_uploaded_anew_lies_where_it_was_put_last(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    await store.commit(fence, put(1))
    clock.pass_by(LIFETIME - timedelta(hours=1))
    await store.commit(fence, put(2))
    clock.pass_by(timedelta(hours=2))
    assert await store.uploads.find(SESSION, "document", SHA256) == {**PLACE, "number": 2}


async def test_the_same_file_to_many_chats_at_once_is_no_conflict(store: Store, fence: Fence) -> None:
    writes = (put(1), put(2), put(3, file_class="image"), put(4, sha256="cd" * 32))
    await asyncio.gather(store.commit(fence, put(5), put(6)), *(store.commit(fence, each) for each in writes))
    found = await store.uploads.find(SESSION, "document", SHA256)
    assert found is not None
    assert found["number"] in {1, 2, 6}


async def test_nobody_who_reads_the_table_learns_which_file_a_session_sent_or_can_read_it(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await store.commit(fence, put())
    row = await query(migrated_database_url, "SELECT encode(value, 'escape') || name FROM uploads")
    for secret in (SHA256, "secret", "a2V5"):
        assert secret not in row


async def test_what_a_message_says_of_its_file_is_said_anew_and_encrypted(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await store.commit(fence, document(1), document(2))
    replaced = ReplaceContent(message_id=message_id(1), content=READY)
    await store.commit(fence, replaced, advance(Status.FAILED, 1, error={"code": "media.too_large", "message": "x"}))
    record = await store.messages.get(SESSION, message_id(1))
    assert record is not None
    assert (record.content, record.status) == (READY, Status.FAILED)
    assert await content(store, 2) == PENDING
    rows = await query(migrated_database_url, "SELECT string_agg(to_json(b)::text, ' ') FROM bodies b")
    assert b"plan.pdf".hex() not in rows


async def test_of_two_sayings_in_one_group_the_later_stands_and_of_an_unknown_message_nothing(
    store: Store, fence: Fence
) -> None:
    await store.commit(fence, document())
    failed: Json = {"kind": "document", "media": {"state": "failed"}}
    await store.commit(
        fence,
        ReplaceContent(message_id=message_id(), content=READY),
        ReplaceContent(message_id=MessageId("3EB0NONE"), content=READY),
        ReplaceContent(message_id=message_id(), content=failed),
    )
    assert await content(store) == failed
    assert await store.messages.get(SESSION, MessageId("3EB0NONE")) is None


async def test_who_does_not_own_the_session_any_more_writes_neither(store: Store, fence: Fence) -> None:
    await store.commit(fence, document())
    stale = replace(fence, epoch=fence.epoch - 1)
    for operation in (put(), ReplaceContent(message_id=message_id(), content=READY)):
        with pytest.raises(StaleEpoch):
            await store.commit(stale, operation)
    assert await store.uploads.find(SESSION, "document", SHA256) is None
    assert await content(store) == PENDING


async def test_a_deleted_session_leaves_no_upload_to_the_next_of_its_name(store: Store, fence: Fence) -> None:
    await store.commit(fence, put())
    await store.sessions.forget(SESSION, fence.epoch, purge=False)
    await store.sessions.create_or_get(NewSession(session_id=SESSION, user_id=UserId("u"), pairing={"method": "qr"}))
    assert await store.ownership.claim(SESSION, WorkerId("worker-1"), "run-1") is not None
    assert await store.uploads.find(SESSION, "document", SHA256) is None
