"""Whose presence is asked for, how it is told, and that a call is told once."""

import asyncio
from typing import Any

from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.resolving import Resolver
from gateway_worker.connections.socket.presences import MAX_FOLLOWED, MAX_PENDING, Presences
from gateway_worker.store.records import Fence
from gateway_worker.whatsapp.facts import CallArrived, Cause, PresenceChanged
from gateway_worker.whatsapp.people import PresenceState
from schemas.addresses import Jid
from schemas.events.contacts import PresenceUpdated
from schemas.names import SessionId
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, BERT, MAPPINGS, World, command, text, world

BERT_JID = "15550002222@s.whatsapp.net"
GROUP = "12036300000@g.us"


async def show(w: World, to: str, state: str, **more: Any) -> None:
    await w.manager.of(ANNA).set_presence(command("chat.presence.v1", ANNA, {"to": to, "state": state, **more}))
    await asyncio.sleep(0.1)


def published(w: World) -> list[PresenceUpdated]:
    return [each for each in w.announcer.announced if isinstance(each, PresenceUpdated)]


@virtual
async def test_who_is_shown_something_is_followed_and_nobody_else() -> None:
    async with world() as w:
        await w.connected()
        await w.send(text())
        await show(w, BERT, "available")
        assert w.engine.last.followed == []
        await show(w, BERT, "typing")
        await show(w, BERT, "paused")
        await show(w, GROUP, "typing", subscribe=True)
        await show(w, "+15550003333", "unavailable", subscribe=True)
        assert w.engine.last.followed == [BERT_JID, "15550003333@s.whatsapp.net"]


@virtual
async def test_who_is_followed_is_asked_for_on_the_next_connection_too() -> None:
    async with world() as w:
        await w.connected()
        await show(w, BERT, "typing")
        await w.engine.last.end(Cause.CLOSED)
        await w.opened(2)
        await w.until(lambda: w.engine.last.followed == [BERT_JID])


@virtual
async def test_only_the_last_of_many_are_followed() -> None:
    async with world() as w:
        await w.connected()
        for number in range(MAX_FOLLOWED + 1):
            await show(w, f"+1555001{number:04}", "typing")
        await w.engine.last.end(Cause.CLOSED)
        await w.opened(2)
        await w.until(lambda: len(w.engine.last.followed) == MAX_FOLLOWED)
        assert w.engine.last.followed[0] == "15550010001@s.whatsapp.net"


@virtual
async def test_presence_is_told_with_its_time() -> None:
    async with world() as w:
        await w.connected()
        for state, seen in ((PresenceState.TYPING, None), (PresenceState.UNAVAILABLE, 1_795_000_000)):
            await w.engine.last.notify(PresenceChanged(chat=BERT_JID, state=state, last_seen=seen))
            await w.until(lambda state=state: bool(published(w)) and published(w)[-1].state.value == state.value)
        assert [each.last_seen is None for each in published(w)] == [True, False]
        await w.engine.last.notify(PresenceChanged(chat=BERT_JID, state=PresenceState.UNAVAILABLE, last_seen=10**18))
        await w.until(lambda: len(published(w)) == 3)
        assert published(w)[-1].last_seen is None  # nonsense from outside


@virtual
async def test_what_waits_to_be_told_is_bounded_and_the_last_of_each_person() -> None:
    async with world() as w:
        await w.connected()
        context = w.manager._context  # pyright: ignore[reportPrivateUsage] (its surroundings are the test's)
        fence = Fence(session_id=SessionId("other"), epoch=1)
        resolver = Resolver(Writer(fence, w.storage, lambda: None), Identities(MAPPINGS))
        presences = Presences(
            fence.session_id, lambda: None, resolver, announcer=context.announcer, clock=context.clock
        )
        for number in range(MAX_PENDING + 1):
            for state in (PresenceState.TYPING, PresenceState.PAUSED):
                presences.on_presence(PresenceChanged(chat=f"{number}@lid", state=state))
        presences.follow(Jid(BERT_JID))
        telling = asyncio.create_task(presences.run())
        await w.until(lambda: len(published(w)) == MAX_PENDING)
        telling.cancel()
        assert {each.state.value for each in published(w)} == {"paused"}
        assert published(w)[0].chat == "1@lid"


@virtual
async def test_a_call_is_told_once() -> None:
    async with world() as w:
        await w.connected()
        call = CallArrived(
            call_id="C1",
            jid=BERT_JID,
            lid="42@lid",
            phone=BERT,
            video=True,
            group=None,
            rejected=False,
            timestamp=1_795_000_000,
        )
        for _ in range(2):
            await w.engine.last.notify(call)
        (event,) = [data for kind, data in w.storage.events if kind == "call.received.v1"]
        assert event["from"] == {"jid": BERT_JID, "lid": "42@lid", "phone": BERT}
        assert (event["callId"], event["video"], event["rejected"]) == ("C1", True, False)
