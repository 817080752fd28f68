"""A RabbitMQ broker of our own, with an Erlang port mapper (epmd) of its own."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from deploy.local.packages import RABBITMQ_FOLDER, environment_of_servers, erlang_port_mapper
from deploy.local.probe import answer
from deploy.local.program import Program
from deploy.local.seat import HOST, Seat, write_private

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
# Every quorum queue looks after itself once in 5 s, which takes half a millisecond of CPU: with the thousands that
# tests leave that is a good part of a core. What a look is for: figures, other nodes, queues that end unused.
_ADVANCED = "[{rabbit, [{quorum_tick_interval, 60000}]}].\n"


class RabbitMQ:
    """The broker. Takes 5-6 s to start, nearly all of it CPU."""

    name: ClassVar[str] = "rabbitmq"
    purposes: ClassVar[Sequence[str]] = ("amqp", "distribution", "epmd")

    def __init__(self, seat: Seat) -> None:
        self.seat = seat

    @property
    def url(self) -> str:
        """AMQP URL of the default virtual host."""
        return f"amqp://{self.seat.user}:{self.seat.password}@{HOST}:{self.seat.ports['amqp']}/"

    async def prepare(self) -> None:
        """Write its configuration and its Erlang cookie."""
        folder = self.seat.folder
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(16))
            cookie.chmod(0o400)  # Erlang insists
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "advanced.config").write_text(_ADVANCED)
        write_private(folder / "rabbitmq.conf", self._configuration())

    def _configuration(self) -> str:
        return "\n".join(
            [
                f"listeners.tcp.1 = {HOST}:{self.seat.ports['amqp']}",
                "num_acceptors.tcp = 2",
                f"default_user = {self.seat.user}",
                f"default_pass = {self.seat.password}",
                "log.console = false",
                "log.file.level = warning",
                "disk_free_limit.absolute = 50MB",
                "",
            ]
        )

    @property
    def environment(self) -> dict[str, str]:
        """For the broker and its tools (rabbitmqctl). It names every path, so that no system-wide setting slips in."""
        folder, ports = self.seat.folder, self.seat.ports
        erlang = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
        return {
            **environment_of_servers(),
            "HOME": str(folder),
            "RABBITMQ_NODENAME": "gateway@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
            # Its start script then becomes the Erlang machine instead of watching over it: one process, one pid.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def companions(self) -> Sequence[Program]:
        """The port mapper, in the foreground: one that the broker starts by itself would outlive everything."""
        arguments = [erlang_port_mapper(), "-port", str(self.seat.ports["epmd"]), "-address", HOST]
        return [Program(name="epmd", arguments=arguments, folder=self.seat.folder, log=self.seat.folder / "epmd.log")]

    def program(self) -> Program:
        """The Erlang machine with the broker in it."""
        return Program(
            name=self.name,
            arguments=[str(RABBITMQ_FOLDER / "rabbitmq-server")],
            folder=self.seat.folder,
            log=self.seat.folder / "rabbitmq.log",
            environment=self.environment,
        )

    async def is_ready(self) -> bool:
        """It opens the AMQP handshake."""
        return (await answer(self.seat.ports["amqp"], _PROTOCOL_HEADER)).startswith(_METHOD_FRAME)

    async def release(self) -> None:
        """It holds nothing that outlives its programs."""

    def folders(self) -> Sequence[Path]:
        """Its seat."""
        return [self.seat.folder]
