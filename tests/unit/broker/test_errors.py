"""Driver errors in our words."""

import asyncio

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
)
from pamqp import commands as spec

from gateway_worker.broker.errors import (
    BrokerError,
    BrokerLost,
    PublishRefused,
    QueueMissing,
    TopologyMismatch,
    translated,
)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (AMQPConnectionError("gone"), BrokerLost),
        (ChannelInvalidStateError("closed"), BrokerLost),
        (ConnectionResetError(), BrokerLost),
        (TimeoutError(), BrokerLost),
        (Exception(), BrokerLost),  # what aiormq rejects its waiters with when it has no reason
        (asyncio.CancelledError(), BrokerLost),  # or this, though nobody cancelled us
        (ChannelNotFoundEntity("no queue"), QueueMissing),
        (ChannelPreconditionFailed("other arguments"), TopologyMismatch),
        (DeliveryError(None, spec.Basic.Nack()), PublishRefused),
    ],
)
async def test_each_driver_error_has_a_meaning(theirs: BaseException, ours: type[BrokerError]) -> None:
    with pytest.raises(ours) as caught, translated():
        raise theirs
    assert caught.value.__cause__ is theirs


async def test_a_fault_of_ours_is_not_blamed_on_the_broker() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("ours")


async def test_a_cancellation_of_ours_stays_one() -> None:
    started = asyncio.Event()

    async def wait() -> None:
        with translated():
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
