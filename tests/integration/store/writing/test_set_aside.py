"""What the database refuses for its content, and what is kept instead."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.store.errors import ContentRefused, EventTooLarge
from gateway_worker.store.operations.messages import NewEntry, PutEntries, ReceiveMessage
from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas, SetAside
from gateway_worker.store.records import Fence
from gateway_worker.store.retention.retention import SET_ASIDE
from gateway_worker.store.store import Store
from schemas.names import MessageId
from tests.support.services.private_services import query
from tests.support.store.stores import TestClock, arrived

LONG = "".join(chr(0x1F600 + (n * 7919) % 500) for n in range(12_000))
TOO_LARGE = {"text": "x" * (1 << 20)}


def refused() -> list[ReceiveMessage]:
    good = arrived()
    return [
        replace(good, message_id=MessageId(LONG)),
        replace(good, chat=f"nul\0{good.chat}"),
        replace(good, sender="half\ud800"),
        replace(good, about=MessageId(LONG)),
        replace(good, event=TOO_LARGE),
        replace(good, event={"text": "half\ud800"}),
    ]


@pytest.mark.parametrize("number", range(len(refused())))
async def test_a_value_that_no_repetition_makes_storable_is_refused_as_that_and_alone(
    store: Store, fence: Fence, number: int
) -> None:
    bad = refused()[number]
    answers = await asyncio.gather(
        store.commit(fence, arrived(2)),
        store.commit(fence, bad),
        store.commit(fence, arrived(3)),
        return_exceptions=True,
    )
    assert answers[0] == answers[2] == (True,), "others of the same transaction are stored"
    assert isinstance(answers[1], ContentRefused)
    assert isinstance(answers[1], EventTooLarge) == (bad.event is TOO_LARGE)


async def test_entries_with_impossible_names_are_refused_as_that(store: Store, fence: Fence) -> None:
    entry = NewEntry(chat=LONG, sender="s", message_id="m", index=0, plaintext=b"p", visible=True)
    with pytest.raises(ContentRefused):
        await store.commit(fence, PutEntries(entries=[entry]))
    with pytest.raises(ContentRefused):
        await store.commit(fence, PutEntries(entries=[replace(entry, chat="c", index=1 << 40)]))


def aside(id_: str) -> SetAside:
    return SetAside(
        id=id_,
        fact="message",
        reason="refused",
        detail="DataError",
        message_id="M",
        size=9,
        value={"bytes": "c2VjcmV0"},
    )


async def test_what_is_set_aside_is_kept_once_encrypted_and_found_by_a_person(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    assert await store.commit(fence, aside("one"), aside("two")) == (True, True)
    assert await store.commit(fence, aside("one")) == (False,)
    listed = await store.set_aside.list(10)
    assert [(each.id, each.fact, each.reason, each.size) for each in listed] == [
        ("one", "message", "refused", 9),
        ("two", "message", "refused", 9),
    ]
    (two,) = await store.set_aside.list(10, "two")
    assert await store.set_aside.value(two) == {"bytes": "c2VjcmV0"}
    legible = "SELECT count(*) FROM set_aside WHERE position('c2VjcmV0'::bytea IN value) > 0"
    assert await query(migrated_database_url, legible) == 0

    await store.set_aside.drop(await store.set_aside.list(10, "one"))
    assert [each.id for each in await store.set_aside.list(10)] == ["two"]


async def test_stanzas_are_counted_until_they_are_finished(store: Store, fence: Fence) -> None:
    await store.commit(fence, BeginStanza(name="a"), BeginStanza(name="b"))
    await store.commit(fence, BeginStanza(name="a"))
    assert await store.set_aside.attempts(fence.session_id) == {"a": 2, "b": 1}
    await store.commit(fence, EndStanzas(names=["a"]), BeginStanza(name="b"))
    assert await store.set_aside.attempts(fence.session_id) == {"b": 2}


async def test_what_was_set_aside_goes_with_time(store: Store, fence: Fence, clock: TestClock) -> None:
    clock.time = datetime.now(UTC) - SET_ASIDE - timedelta(days=1)
    await store.commit(fence, aside("old"), BeginStanza(name="old"))
    clock.time = datetime.now(UTC)
    await store.commit(fence, aside("new"))
    await store.prune()
    assert [each.id for each in await store.set_aside.list(10)] == ["new"]
    assert await store.set_aside.attempts(fence.session_id) == {}
