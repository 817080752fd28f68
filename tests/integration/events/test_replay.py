"""`events.replay`: what is stored goes out again, under the same ids, beside everything else."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from pydantic import ValidationError

from deploy.local.services import PrivateServices
from gateway_worker.broker.topology import declare
from schemas.commands.sessions import MAX_REPLAYED, ReplayEvents
from schemas.errors import SessionNotFound
from schemas.names import SessionId
from schemas.topology.channels import Binding, Plan, Topology
from tests.support.events import WayOut, hearing, way_out
from tests.support.store.outbox import Listener, remembered

S1 = SessionId("s1")


def asked(first: int, last: int | None = None) -> ReplayEvents:
    return ReplayEvents(session_id=S1, from_sequence=first, to_sequence=last)


@pytest.fixture
async def out(services: PrivateServices, namespace: str) -> AsyncGenerator[WayOut]:
    async with way_out(services.amqp_url, Topology(namespace, backend_queue=f"{namespace}.backend")) as made:
        await (await made.publisher.pipe()).close()  # the topology is there
        yield made


@pytest.fixture
async def ears(services: PrivateServices, out: WayOut) -> AsyncGenerator[Listener]:
    async with hearing(services.amqp_url, f"{out.topology.namespace}.backend") as listener:
        yield listener


async def published(out: WayOut, ears: Listener, count: int) -> None:
    """The relay has published that many events of the session; the ears forget them."""
    out.outbox.commit("s1", count)
    await ears.until(count)
    await out.outbox.until_marked(count)
    ears.events.clear()


async def test_a_range_goes_out_again_with_the_same_ids_in_order(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 20)
    reply = await out.replayer.replay(S1, asked(5, 14))
    await ears.until(10)
    assert [(event["id"], int(event["sequence"])) for event in ears.events] == [(f"s1-{n}", n) for n in range(5, 15)]
    assert reply.to_data() == {
        "sessionId": "s1",
        "count": 10,
        "fromSequence": "00000000000000000005",
        "toSequence": "00000000000000000014",
        "oldestSequence": "00000000000000000001",
        "newestSequence": "00000000000000000020",
    }
    assert len(out.outbox.published) == 20, "the relay's marks are as they were"


async def test_without_an_end_everything_goes_out_page_by_page(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 450)
    reply = await out.replayer.replay(S1, asked(1))
    await ears.until(450)
    assert [int(event["sequence"]) for event in ears.events] == list(range(1, 451))
    assert (reply.from_sequence, reply.to_sequence, reply.newest_sequence) == (1, 450, 450)


async def test_what_is_past_its_time_is_left_out_and_the_oldest_is_named(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 10)
    del out.outbox.rows[S1][:6]
    out.outbox.newest[S1] = 10
    reply = await out.replayer.replay(S1, asked(2))
    await ears.until(4)
    assert [int(event["sequence"]) for event in ears.events] == [7, 8, 9, 10]
    assert (reply.from_sequence, reply.to_sequence, reply.oldest_sequence) == (7, 10, 7)
    out.outbox.rows[S1].clear()
    reply = await out.replayer.replay(S1, asked(2))
    assert (reply.count, reply.from_sequence, reply.oldest_sequence, reply.newest_sequence) == (0, None, None, 10)


async def test_beyond_the_newest_there_is_nothing(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 3)
    reply = await out.replayer.replay(S1, asked(4, 9))
    assert (reply.count, reply.to_sequence, reply.newest_sequence) == (0, None, 3)


async def test_one_command_publishes_a_bounded_number(out: WayOut, ears: Listener) -> None:
    await published(out, ears, MAX_REPLAYED + 5)
    reply = await out.replayer.replay(S1, asked(1))
    assert (reply.count, reply.to_sequence, reply.newest_sequence) == (MAX_REPLAYED, MAX_REPLAYED, MAX_REPLAYED + 5)
    reply = await out.replayer.replay(S1, asked(MAX_REPLAYED + 1))
    assert reply.to_sequence == MAX_REPLAYED + 5


async def test_an_unknown_session_is_not_found(out: WayOut) -> None:
    with pytest.raises(SessionNotFound):
        await out.replayer.replay(SessionId("nobody"), asked(1))


def test_a_range_that_ends_before_it_begins_is_invalid() -> None:
    with pytest.raises(ValidationError, match="must not be less than fromSequence"):
        asked(5, 4)


async def test_live_events_go_on_meanwhile_and_each_kind_keeps_its_order(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 400)
    replaying = asyncio.create_task(out.replayer.replay(S1, asked(1, 400)))
    for _ in range(100):
        out.outbox.commit("s1")
        await asyncio.sleep(0)
    await replaying
    await ears.until(500)
    sequences = [int(event["sequence"]) for event in ears.events]
    assert [each for each in sequences if each <= 400] == list(range(1, 401))
    assert [each for each in sequences if each > 400] == list(range(401, 501))


async def test_a_full_queue_ends_it_and_the_answer_says_where(out: WayOut, ears: Listener) -> None:
    await published(out, ears, 30)
    channel = await out.link.channel(confirms=False)
    full = f"{out.topology.namespace}.full"
    await channel.queue_declare(full, arguments={"x-max-length": 10, "x-overflow": "reject-publish"})
    await declare(channel, Plan(bindings=(Binding(exchange=out.topology.events, queue=full, routing_key="#"),)))
    reply = await out.replayer.replay(S1, asked(1))
    assert reply.to_sequence is not None
    assert 10 <= reply.to_sequence < 30
    await channel.queue_delete(full)


@pytest.mark.alone
@pytest.mark.timeout(180)
async def test_it_goes_on_after_the_broker_was_killed(services: PrivateServices, out: WayOut) -> None:
    await remembered()
    async with hearing(services.amqp_url, f"{out.topology.namespace}.backend") as ears:
        await published(out, ears, 3_000)
        replaying = asyncio.create_task(out.replayer.replay(S1, asked(1)))
        await ears.until(300)
        await asyncio.to_thread(services.rabbitmq.kill)
        await asyncio.to_thread(services.rabbitmq.start)
        async with asyncio.timeout(60):
            reply = await replaying
            await ears.until(3_000)
    assert (reply.from_sequence, reply.to_sequence) == (1, 3_000)
