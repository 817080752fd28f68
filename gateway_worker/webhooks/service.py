"""All targets side by side, on one connection that reads and one that writes."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

import structlog

from gateway_worker import __version__
from gateway_worker.client import (
    AccessRefusedError,
    ClientError,
    ConnectionLostError,
    Event,
    Gateway,
    TopologyMissingError,
)
from gateway_worker.client.background import Background
from gateway_worker.client.connection import Connection
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import pause
from gateway_worker.webhooks import cloudevents, configuration
from gateway_worker.webhooks.backend import BackendApi
from gateway_worker.webhooks.calls import Call
from gateway_worker.webhooks.configuration import BACKEND, Configuration, Receiver
from gateway_worker.webhooks.delivering import Deliverer, Pace
from gateway_worker.webhooks.metrics import WebhookMetrics
from gateway_worker.webhooks.names import WebhookNames
from gateway_worker.webhooks.registry import GatewayRegistry
from gateway_worker.webhooks.sending import HttpSender
from gateway_worker.webhooks.server import StatusServer
from gateway_worker.webhooks.shelf import Shelf
from gateway_worker.webhooks.target import CallsOf, Target
from schemas.topology.channels import Topology

log = structlog.get_logger(__name__)

SOURCE: Final = "/webhooks"
_NAME: Final = "gateway-worker webhooks"


class Webhooks:
    """The process.

    Args:
        wanted: who is called.
        amqp_url: RabbitMQ, with a backend's rights.
        listen: host and port of health and metrics.
    """

    def __init__(
        self,
        wanted: Configuration,
        *,
        amqp_url: str,
        namespace: str,
        listen: tuple[str, int],
        clock: Clock,
        chance: random.Random,
        pace: Pace | None = None,
    ) -> None:
        self._wanted = wanted
        self._names = WebhookNames(Topology(namespace))
        self._gateway = Gateway(amqp_url, namespace=namespace, source=SOURCE, name=_NAME)
        self._connection = Connection(amqp_url, f"{_NAME} (shelf)", chance)
        self._pauses = Pauses(first=0.5, longest=10.0, chance=chance)
        self._listen = listen
        self._clock = clock
        self._chance = chance
        self._pace = pace or Pace()
        self._metrics = WebhookMetrics()
        self._leaving = asyncio.Event()
        self._trouble: str | None = "not connected yet"
        self._started = asyncio.Event()
        self._targets: Sequence[Target] = ()
        self.port = 0

    async def listening(self) -> None:
        """Return when every target's queue is heard."""
        await self._started.wait()
        for target in self._targets:
            await target.listening.wait()

    def leave(self) -> None:
        """Finish the calls under way, and end."""
        self._leaving.set()

    async def run(self) -> None:
        """Serve until told to leave.

        Raises:
            AccessRefusedError, NotPermittedError: RabbitMQ does not want us; the text says what to do.
            OSError: the port is taken.
        """
        async with AsyncExitStack() as stack:
            targets = self._targets = [
                await self._target(stack, name, receiver) for name, receiver in self._receivers()
            ]
            self._metrics.observe(targets, version=__version__)
            server = StatusServer(targets, self._why_away, self._metrics.registry)
            stack.push_async_callback(server.stop)
            self._started.set()
            self.port = await server.start(*self._listen)
            log.info("webhooks.started", version=__version__, port=self.port, targets=[each.name for each in targets])
            if await self._connect(stack):
                await self._serve(targets)
        log.info("webhooks.left")

    def _receivers(self) -> Sequence[tuple[str, Receiver]]:
        backend = [] if self._wanted.backend is None else [(BACKEND, self._wanted.backend)]
        return [*backend, *((target.name, target) for target in self._wanted.targets)]

    async def _target(self, stack: AsyncExitStack, name: str, receiver: Receiver) -> Target:
        metrics = self._metrics.of(name)
        deliverer = Deliverer(
            await stack.enter_async_context(HttpSender(receiver)),
            give_up_after=timedelta(hours=receiver.give_up_hours),
            places=receiver.concurrency,
            leaving=self._leaving,
            clock=self._clock,
            chance=self._chance,
            observer=metrics,
            pace=self._pace,
        )
        return Target(
            name,
            sessions=receiver.sessions if isinstance(receiver, configuration.Target) else None,
            types=receiver.types,
            wants=receiver.wants,
            calls_of=self._calls_of(receiver),
            deliverer=deliverer,
            shelf=Shelf(self._connection, self._names, name, self._clock),
            metrics=metrics,
            names=self._names,
            clock=self._clock,
            leaving=self._leaving,
        )

    def _calls_of(self, receiver: Receiver) -> CallsOf:
        if not isinstance(receiver, configuration.Target):
            return BackendApi(GatewayRegistry(self._gateway)).calls_of
        mode = receiver.mode

        async def calls_of(event: Event) -> Sequence[Call]:
            return [cloudevents.call_of(event, mode)]

        return calls_of

    async def _connect(self, stack: AsyncExitStack) -> bool:
        """Wait for RabbitMQ; False: told to leave meanwhile."""
        failures = 0
        while not self._leaving.is_set():
            try:
                await self._connection.open()
                stack.push_async_callback(self._connection.close)
                await stack.enter_async_context(self._gateway)
            except AccessRefusedError:
                raise
            except ConnectionLostError as away:
                failures += 1
                self._trouble = str(away)
                log.warning("webhooks.waiting", why=self._trouble)
                await pause(self._pauses.after(failures), until=self._leaving)
            else:
                self._trouble = None
                background = await stack.enter_async_context(Background())
                background.start(self._connection.run())
                return True
        return False

    async def _serve(self, targets: Sequence[Target]) -> None:
        async with asyncio.TaskGroup() as group:
            for target in targets:
                group.create_task(self._run(target))

    async def _run(self, target: Target) -> None:
        """One target's life. Before the first worker has started there are no exchanges: that is waited for."""
        failures = 0
        while not self._leaving.is_set():
            try:
                await target.run(self._gateway)
            except TopologyMissingError as missing:
                failures += 1
                log.warning("webhooks.waiting", target=target.name, why=f"no worker has been here yet: {missing}")
                await pause(self._pauses.after(failures), until=self._leaving)
            else:
                return

    def _why_away(self) -> str | None:
        trouble: ClientError | None = self._connection.trouble
        return self._trouble or (None if trouble is None else str(trouble))
