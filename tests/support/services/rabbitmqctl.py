"""`rabbitmqctl` on the private broker."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deploy.local.packages import RABBITMQ_FOLDER
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.seat import HOST, Seat, free_ports
from deploy.local.services import PrivateServices


async def rabbitmqctl(services: PrivateServices, *arguments: str, tool: str = "rabbitmqctl") -> None:
    """Run it, or another `tool` of the broker's; its complaint is the failure."""
    seat = Seat.load(services.directory / RabbitMQ.name)
    assert seat is not None
    program = await asyncio.create_subprocess_exec(
        str(RABBITMQ_FOLDER / tool),
        *arguments,
        env={**os.environ, **RabbitMQ(seat).environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await program.communicate()
    assert program.returncode == 0, complaint.decode()


@asynccontextmanager
async def management(services: PrivateServices) -> AsyncGenerator[str]:
    """The broker's management API while the block runs: its address, with credentials. It costs the broker CPU."""
    port = free_ports(("management",))["management"]
    where = f'[{{port, {port}}}, {{ip, "{HOST}"}}]'
    await rabbitmqctl(
        services, "eval", f"application:set_env(rabbitmq_management, tcp_config, {where}, [{{persistent, true}}])."
    )
    await rabbitmqctl(services, "--quiet", "enable", "rabbitmq_management", tool="rabbitmq-plugins")
    try:
        user = services.amqp_url.partition("://")[2].partition("@")[0]
        yield f"http://{user}@{HOST}:{port}"
    finally:
        plugins = ("rabbitmq_management", "rabbitmq_management_agent", "rabbitmq_web_dispatch")
        await rabbitmqctl(services, "--quiet", "disable", *plugins, tool="rabbitmq-plugins")
