"""`typing: natural`: shown in proportion to the text, in its own chat, and never in the way."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from gateway_worker.connections.outgoing.typing_indicator import LONGEST, SHORTEST, typing_seconds
from gateway_worker.whatsapp.errors import OutcomeUnknown
from gateway_worker.whatsapp.facts import Cause
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from gateway_worker.whatsapp.people import PresenceState
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, World, command, text, world

BERT_JID = "15550002222@s.whatsapp.net"
CARLA = "+15550003333"
SLOW = "x" * 1_000
NATURAL = {"typing": "natural"}


def test_it_lasts_as_long_as_a_person_types_within_bounds() -> None:
    rng = Random(7)
    assert typing_seconds("ok", rng) == SHORTEST
    assert typing_seconds(SLOW, rng) == LONGEST
    some = {typing_seconds("x" * 100, rng) for _ in range(50)}
    assert len(some) == 50
    assert all(3.2 <= seconds <= 4.8 for seconds in some)


async def seconds_of(w: World, body: str, *, to: str = "+15550002222") -> float:
    started = VirtualClock().monotonic()
    await w.send(text(body, to=to))
    return VirtualClock().monotonic() - started


@virtual
async def test_a_text_is_typed_first_and_other_chats_do_not_wait() -> None:
    async with world() as w:
        await w.connected(options=NATURAL)
        slow = w.start_sending(text(SLOW))
        after_it = w.start_sending(text("and", to="+15550002222"))
        assert await seconds_of(w, "hi", to=CARLA) == pytest.approx(SHORTEST, abs=0.1)
        assert not slow.done()
        await slow
        assert (BERT_JID, PresenceState.TYPING) in w.engine.last.presences
        await after_it
        bodies = [message.content.text for message in w.engine.sent if message.to == BERT_JID]  # type: ignore[union-attr]
        assert bodies == [SLOW, "and"]
        assert len(w.engine.last.presences) == 3


@virtual
async def test_nothing_is_typed_where_it_is_off_or_there_is_no_text() -> None:
    async with world() as w:
        await w.connected()
        assert await seconds_of(w, SLOW) < 0.1
        assert w.engine.last.presences == []
    async with world() as w:
        await w.connected(options=NATURAL)
        slot = {"kind": "location", "latitude": 1.0, "longitude": 2.0}
        await w.send(command("message.send.v1", ANNA, {"to": CARLA, "content": slot}))
        assert w.engine.last.presences == []


@virtual
async def test_a_message_that_expires_is_not_made_late_by_it() -> None:
    async with world() as w:
        await w.connected(options=NATURAL)
        soon = VirtualClock().now() + timedelta(seconds=4)
        given = text(SLOW, expiresat=soon.isoformat())
        await w.send(given)
        assert VirtualClock().now() < soon
        assert w.storage.statuses(given.id) == ["sent"]
        assert len(w.engine.last.presences) == 1


@virtual
async def test_a_try_after_the_first_is_not_typed_again() -> None:
    async def lost(_: OutgoingMessage) -> Acknowledged:
        raise OutcomeUnknown

    async with world() as w:
        await w.connected(options=NATURAL)
        w.engine.answers = [lost]
        await w.send(text("once more"))
        assert sum(len(connection.presences) for connection in w.engine.opened) == 1


@virtual
async def test_a_connection_that_ends_while_typing_costs_nothing_but_time() -> None:
    async with world() as w:
        await w.connected(options=NATURAL)
        sending = w.start_sending(text(SLOW))
        await asyncio.sleep(2)
        await w.engine.last.end(Cause.CLOSED)
        await sending
        assert len(w.engine.sent) == 1
