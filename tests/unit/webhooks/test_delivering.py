"""Attempts on virtual time: pauses, the end after 24 hours, the breaker, and the end of the process."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from gateway_worker.webhooks.breaker import Breaker
from gateway_worker.webhooks.calls import Call, CallFailedError, GivenUpError, TargetGoneError
from gateway_worker.webhooks.delivering import LONGEST_PAUSE, Deliverer, LeavingError, Pace
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual

CALL = Call(headers={}, body=b"{}", message_id="m")
REFUSED = CallFailedError("status", status=500)


@dataclass(slots=True)
class FakeSender:
    """Answers each attempt as `answer` says, and notes when it came."""

    answer: Callable[[int], Exception | None]
    seconds: float = 0.01
    at: list[float] = field(default_factory=list[float])
    under_way: int = 0
    most: int = 0

    async def send(self, call: Call) -> None:
        del call
        self.at.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if (error := self.answer(len(self.at))) is not None:
            raise error


class Deaf:
    def attempted(self, seconds: float, failure: CallFailedError | None) -> None:
        """Nobody counts."""


def ignore(_failure: CallFailedError) -> None:
    """Nobody listens."""


@asynccontextmanager
async def deliverer(
    sender: FakeSender, *, hours: float = 24, places: int = 4, breaker: Breaker | None = None
) -> AsyncGenerator[tuple[Deliverer, asyncio.Event]]:
    leaving = asyncio.Event()
    made = Deliverer(
        sender,
        give_up_after=timedelta(hours=hours),
        places=places,
        leaving=leaving,
        clock=VirtualClock(),
        chance=random.Random(1),
        observer=Deaf(),
        pace=Pace(),
        breaker=breaker or Breaker(least=1_000_000),
    )
    watching = asyncio.ensure_future(made.watch())
    try:
        yield made, leaving
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


@virtual
async def test_it_is_tried_again_after_pauses_that_grow_with_jitter_until_it_is_taken() -> None:
    sender = FakeSender(lambda attempt: REFUSED if attempt < 12 else None)
    async with deliverer(sender) as (made, _):
        await made.deliver(CALL, EPOCH, ignore)
    pauses = [later - before for before, later in zip(sender.at, sender.at[1:], strict=False)]
    assert len(sender.at) == 12
    for number, pause in enumerate(pauses):
        whole = min(LONGEST_PAUSE, 2.0**number)
        assert whole / 2 <= pause <= whole + 0.1
    assert len({round(pause / 2.0**number, 3) for number, pause in enumerate(pauses[:8])}) > 1


@virtual
async def test_after_a_day_it_is_given_up_with_a_last_attempt_at_the_end() -> None:
    sender = FakeSender(lambda _: REFUSED)
    async with deliverer(sender) as (made, _):
        with pytest.raises(GivenUpError, match="status 500"):
            await made.deliver(CALL, EPOCH, ignore)
    assert 24 * 3600 - 1 <= sender.at[-1] <= 24 * 3600 + 1
    assert 250 < len(sender.at) < 700


@virtual
async def test_what_is_older_than_a_day_when_it_comes_is_tried_once() -> None:
    sender = FakeSender(lambda _: REFUSED)
    async with deliverer(sender) as (made, _):
        with pytest.raises(GivenUpError):
            await made.deliver(CALL, EPOCH - timedelta(hours=30), ignore)
        sender.answer = lambda _: None
        await made.deliver(CALL, EPOCH - timedelta(hours=30), ignore)
    assert len(sender.at) == 2


@virtual
async def test_a_target_that_asks_for_time_gets_it() -> None:
    asked = CallFailedError("status", status=429, retry_after=90.0)
    sender = FakeSender(lambda attempt: asked if attempt == 1 else None)
    async with deliverer(sender) as (made, _):
        await made.deliver(CALL, EPOCH, ignore)
    assert 90 <= sender.at[1] - sender.at[0] <= 91


@virtual
async def test_what_is_fleeting_is_tried_once() -> None:
    sender = FakeSender(lambda _: REFUSED)
    async with deliverer(sender) as (made, _):
        with pytest.raises(GivenUpError):
            await made.deliver(Call(headers={}, body=b"", message_id="m", is_fleeting=True), EPOCH, ignore)
    assert len(sender.at) == 1


@virtual
async def test_a_target_that_is_gone_is_told_at_once() -> None:
    async with deliverer(FakeSender(lambda _: TargetGoneError())) as (made, _):
        with pytest.raises(TargetGoneError):
            await made.deliver(CALL, EPOCH, ignore)


@virtual
async def test_no_more_calls_at_a_time_than_there_are_places() -> None:
    sender = FakeSender(lambda _: None, seconds=1.0)
    async with deliverer(sender, places=3) as (made, _):
        await asyncio.gather(*(made.deliver(CALL, EPOCH, ignore) for _ in range(20)))
    assert sender.most == 3


@virtual
async def test_while_the_breaker_is_open_one_call_in_thirty_seconds_tries_and_all_go_on_when_it_is_taken() -> None:
    loop = asyncio.get_running_loop()
    sender = FakeSender(lambda _: REFUSED if loop.time() < 600 else None)
    async with deliverer(sender, breaker=Breaker()) as (made, _):
        await asyncio.gather(*(made.deliver(CALL, EPOCH, ignore) for _ in range(100)))
    during = [at for at in sender.at if 1 < at < 600]
    assert 15 <= len(during) <= 21  # ten minutes
    assert max(sender.at) < 640


@virtual
async def test_what_expires_while_the_breaker_is_open_is_given_up_without_a_call() -> None:
    sender = FakeSender(lambda _: REFUSED)
    async with deliverer(sender, hours=1, breaker=Breaker()) as (made, _):
        ends = await asyncio.gather(*(made.deliver(CALL, EPOCH, ignore) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(end, GivenUpError) for end in ends)
    assert len(sender.at) < 150


@virtual
async def test_leaving_ends_pauses_and_lets_a_call_under_way_end() -> None:
    sender = FakeSender(lambda attempt: REFUSED if attempt == 1 else None, seconds=3.0)
    async with deliverer(sender) as (made, leaving):
        pausing = asyncio.ensure_future(made.deliver(CALL, EPOCH, ignore))
        await asyncio.sleep(3.1)
        calling = asyncio.ensure_future(made.deliver(CALL, EPOCH, ignore))
        await asyncio.sleep(0.1)
        leaving.set()
        with pytest.raises(LeavingError):
            await pausing
        await calling
    assert len(sender.at) == 2


@virtual
async def test_a_breaker_that_nobody_tries_does_not_hold_up_for_ever() -> None:
    loop = asyncio.get_running_loop()
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(loop.time())
    async with deliverer(FakeSender(lambda _: None), breaker=breaker) as (made, _):
        assert made.is_away
        await made.back()
    assert 30 <= loop.time() < 31
