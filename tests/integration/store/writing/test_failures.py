"""A database that goes away in the middle, and keys that change."""

import asyncio

import pytest

from gateway_worker.store.errors import KeyUnavailable, StoreUnavailable
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.postgres.schema import check_schema
from gateway_worker.store.records import Fence, Status
from gateway_worker.store.store import Store
from tests.support.network.wire_tap import Loss, tapped
from tests.support.services.private_services import query
from tests.support.store.stores import (
    KEY,
    OTHER_KEY,
    OutboxListener,
    TestClock,
    advance,
    arrived,
    begin,
    message_id,
    opened,
)


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.COMMIT])
async def test_a_commit_that_is_not_answered_takes_effect_once(
    store: Store, fence: Fence, migrated_database_url: str, loss: Loss
) -> None:
    async with tapped(migrated_database_url) as (url, tap), opened(url, TestClock(), KEY) as broken:
        heard = OutboxListener(broken)
        await broken.commit(fence, begin())
        tap.lose(loss)
        answers = await asyncio.gather(
            broken.commit(fence, AppendEvent(type="session.status.v1", data={"n": 1})),
            broken.commit(fence, arrived()),
        )
        assert tap.lost == 1
    assert answers == [(None,), (True,)]
    stored = await store.outbox.range(fence.session_id, 1, 100)
    assert [each.sequence for each in stored] == [1, 2]
    assert [each.event_id for each in heard.events] == [each.event_id for each in stored], "told as they are stored"


async def test_connections_that_broke_while_idle_are_not_noticed_by_callers(
    fence: Fence, migrated_database_url: str
) -> None:
    async with tapped(migrated_database_url) as (url, tap), opened(url, TestClock(), KEY) as broken:
        await broken.commit(fence, begin())
        await broken.sessions.get(fence.session_id)
        tap.cut()
        await broken.commit(fence, ChangeState(state="connecting"))
        record = await broken.sessions.get(fence.session_id)
        assert record is not None
        assert record.state == "connecting"


async def test_an_absent_database_is_said_in_our_words() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable):
        async with opened(nowhere, TestClock(), KEY):
            pass
    with pytest.raises(StoreUnavailable):
        await check_schema(nowhere)


async def test_the_first_key_encrypts_and_all_decrypt(store: Store, fence: Fence, migrated_database_url: str) -> None:
    await store.commit(fence, begin(text="secret"))
    async with opened(migrated_database_url, TestClock(), OTHER_KEY, KEY) as rotated:
        message = await rotated.messages.get(fence.session_id, message_id())
        assert message is not None
        assert message.content["text"] == "secret"
    async with opened(migrated_database_url, TestClock(), OTHER_KEY) as wrong:
        with pytest.raises(KeyUnavailable, match="GATEWAY_ENCRYPTION_KEYS"):
            await wrong.messages.get(fence.session_id, message_id())
        with pytest.raises(KeyUnavailable):
            await wrong.commit(fence, advance(Status.SENT))


async def test_nothing_written_by_people_is_legible_in_the_database(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await store.commit(fence, begin(text="confidential"), arrived(text="confidential"))
    for table in ("bodies", "outbox", "messages"):
        found = await query(
            migrated_database_url, f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%confidential%'"
        )
        raw = await query(
            migrated_database_url,
            f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{b'confidential'.hex()}%'",
        )
        assert (found, raw) == (0, 0), table
