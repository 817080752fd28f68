"""`rabbitmqctl` on the private broker."""

import asyncio
import os

from deploy.local.packages import RABBITMQ_FOLDER
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.seat import Seat
from deploy.local.services import PrivateServices


async def rabbitmqctl(services: PrivateServices, *arguments: str) -> None:
    """Run it; its complaint is the failure."""
    seat = Seat.load(services.directory / RabbitMQ.name)
    assert seat is not None
    program = await asyncio.create_subprocess_exec(
        str(RABBITMQ_FOLDER / "rabbitmqctl"),
        *arguments,
        env={**os.environ, **RabbitMQ(seat).environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await program.communicate()
    assert program.returncode == 0, complaint.decode()
