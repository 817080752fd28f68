"""What spares accounts: limits of a user, a warm-up, pauses before strangers, a brake for a proxy; each is told."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway_worker.connections.base.brake import ProxyBrakes
from gateway_worker.connections.outgoing.warm_up import messages_of_day
from gateway_worker.whatsapp.errors import Refused
from schemas.commands.session_settings import SessionLimits
from schemas.errors import RateLimited
from tests.support.connections.fake_ports import FakeCache
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual
from tests.support.connections.world import World, log_in, text, world
from tests.unit.connections.outgoing.test_sending import bodies, failing

PROXY = {"proxy": "http://user:secret@proxy.example:8080"}


def throttled(w: World) -> list[tuple[object, object]]:
    return [(data["cause"], data.get("whatsappCode")) for kind, data in w.storage.events if "throttled" in kind]


def test_a_warm_up_rises_day_by_day_ends_and_never_allows_more_than_the_limit() -> None:
    limits = SessionLimits.model_validate({"warmUp": {"firstDay": 20, "days": 3}, "messagesPerDay": 50})
    days = [messages_of_day(limits, EPOCH, EPOCH + timedelta(days=day, hours=1)) for day in (-1, 0, 1, 2, 3)]
    assert days == [(20, True), (20, True), (40, True), (50, False), (50, False)]
    assert messages_of_day(SessionLimits(), EPOCH, EPOCH) == (None, False)


@virtual
async def test_a_new_account_is_warmed_up_and_told_so_once() -> None:
    storage = FakeStorage()
    async with world(storage=storage) as w:
        await w.connected(limits={"warmUp": {"firstDay": 2, "days": 14}})
        for _ in range(2):
            await w.send(text())
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await w.send(text())
            assert limited.value.detail is not None
            assert limited.value.detail["limit"] == "warmUp"
        assert throttled(w) == [("warm_up", None)]
    await asyncio.sleep(86_400)  # between two workers: a day of one's chores takes seconds, on virtual time too
    async with world(storage=storage, number=2) as w:
        w.engine.script = log_in
        await w.opened(1)
        for _ in range(4):
            await w.send(text())
        with pytest.raises(RateLimited):
            await w.send(text())


@virtual
async def test_strangers_are_written_to_with_pauses_and_those_one_knows_without() -> None:
    async with world() as w:
        await w.connected(limits={"strangerPause": {"leastSeconds": 20, "mostSeconds": 30}})
        clock = VirtualClock()
        await w.send(text("first"))
        assert clock.monotonic() < 5
        await w.send(text("again"))  # no stranger any more
        assert clock.monotonic() < 5
        for number in (4444, 5555):
            await w.send(text("another", to=f"+1555000{number}"))
        assert 40 <= clock.monotonic() <= 65
        assert throttled(w) == [("stranger_pause", None)] * 2


@virtual
async def test_all_sessions_of_a_user_share_a_limit_and_redis_shows_it() -> None:
    async with world() as w:
        await w.connected(userLimits={"messagesPerDay": 3, "messagesPerMinute": 2})
        given = text("one")
        for _ in range(3):
            await w.send(given)  # repeated: counted once
        for body in ("two", "three"):
            await w.send(text(body))
        assert 59 < VirtualClock().monotonic() < 62
        with pytest.raises(RateLimited) as limited:
            await w.send(text("four"))
        assert limited.value.detail is not None
        assert limited.value.detail["limit"] == "userMessagesPerDay"
        shown = w.cache.rate_limits["user", "user-1"]
        assert (shown["messagesPerDay"], shown["messagesPerMinute"]) == ("3", "2")
        assert bodies(w) == ["one", "two", "three"]


@virtual
async def test_a_sessions_own_limits_are_shown_too() -> None:
    async with world() as w:
        await w.connected(limits={"messagesPerDay": 3})
        await w.send(text())
        assert w.cache.rate_limits["session", "anna"] == {"messagesPerDay": "3", "thisDay": "1"}


@virtual
@pytest.mark.parametrize("code", ["463", "429"])
async def test_a_refusal_brakes_what_is_behind_the_same_proxy(code: str) -> None:
    async with world() as w:
        await w.connected(options=PROXY)
        w.engine.answers = [failing(Refused(code))]
        await w.send(text("refused"))
        await w.send(text("later"))
        assert 59 < VirtualClock().monotonic() < 65
        assert throttled(w) == [("proxy_brake", code)]
        assert bodies(w) == ["refused", "later"]
        assert all("secret" not in name for name in w.cache.brakes)


@virtual
@pytest.mark.parametrize(("options", "code"), [({}, "463"), (PROXY, "479")])
async def test_nothing_else_brakes(options: Mapping[str, Any], code: str) -> None:
    async with world() as w:
        await w.connected(options=options)
        w.engine.answers = [failing(Refused(code))]
        await w.send(text("refused"))
        await w.send(text("at once"))
        assert VirtualClock().monotonic() < 5
        assert throttled(w) == []


@virtual
async def test_a_brake_reaches_other_workers_and_grows_when_it_is_pulled_again_at_once() -> None:
    cache, clock = FakeCache(), VirtualClock()
    here, there = (ProxyBrakes(cache=cache, clock=clock, seconds=60) for _ in range(2))
    lengths: list[float] = []
    for _ in range(6):
        await here.pull("http://proxy.example:1", "463")
        pulled_at = clock.now().timestamp()
        await asyncio.sleep(1)  # a worker does not ask Redis for each message
        brake = await there.of("http://proxy.example:1")
        assert brake is not None
        assert await there.of("http://other.example:1") is None
        lengths.append(round(brake.until - pulled_at))
        await asyncio.sleep(lengths[-1])
        assert await there.of("http://proxy.example:1") is None
    assert lengths == [60, 120, 240, 480, 900, 900]
    await asyncio.sleep(120)
    await here.pull("http://proxy.example:1", "463")
    brake = await here.of("http://proxy.example:1")
    assert brake is not None
    assert round(brake.until - clock.now().timestamp()) == 60


@virtual
async def test_without_seconds_there_is_no_brake() -> None:
    off = ProxyBrakes(cache=FakeCache(), clock=VirtualClock(), seconds=0)
    await off.pull("http://proxy.example:1", "463")
    assert await off.of("http://proxy.example:1") is None
