"""A broker whose memory runs out, for as long as a block lasts."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deploy.local.packages import RABBITMQ_FOLDER
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.seat import Seat
from deploy.local.services import PrivateServices


@asynccontextmanager
async def memory_alarm(services: PrivateServices) -> AsyncGenerator[None]:
    """Publishers are blocked inside; everything else goes on."""
    await _ctl(services, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        yield
    finally:
        await _ctl(services, "set_vm_memory_high_watermark", "0.4")


async def _ctl(services: PrivateServices, *arguments: str) -> None:
    """`rabbitmqctl` on the private broker."""
    seat = Seat.load(services.directory / RabbitMQ.name)
    assert seat is not None
    environment = {**os.environ, **RabbitMQ(seat).environment}
    program = await asyncio.create_subprocess_exec(
        str(RABBITMQ_FOLDER / "rabbitmqctl"), *arguments, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await program.wait() == 0
