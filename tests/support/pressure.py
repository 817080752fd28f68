"""A broker whose memory runs out, for as long as a block lasts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deploy.local.services import PrivateServices
from tests.support.rabbitmqctl import rabbitmqctl


@asynccontextmanager
async def memory_alarm(services: PrivateServices) -> AsyncGenerator[None]:
    """Publishers are blocked inside; everything else goes on."""
    await rabbitmqctl(services, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        yield
    finally:
        await rabbitmqctl(services, "set_vm_memory_high_watermark", "0.4")
