"""A broker whose memory runs out, for as long as a block lasts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deploy.local.services import PrivateServices
from tests.support.services.private_services import NotAloneError, is_one_of_several
from tests.support.services.rabbitmqctl import rabbitmqctl


@asynccontextmanager
async def memory_alarm(services: PrivateServices) -> AsyncGenerator[None]:
    """Publishers are blocked inside, those of other tests too; everything else goes on."""
    if is_one_of_several():
        raise NotAloneError("mark this test `alone`: others publish at this broker now")
    await rabbitmqctl(services, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        yield
    finally:
        await rabbitmqctl(services, "set_vm_memory_high_watermark", "0.4")
