"""The gateway, as a backend sees it."""

import asyncio
import random
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final, Self, TypeVar, Unpack

from gateway_worker.client import replies
from gateway_worker.client.background import Background
from gateway_worker.client.calls.account import AccountCalls
from gateway_worker.client.calls.chats import ChatCalls
from gateway_worker.client.calls.groups import GroupCalls
from gateway_worker.client.calls.labels import LabelCalls
from gateway_worker.client.calls.messages import MessageCalls
from gateway_worker.client.calls.sessions import SessionCalls
from gateway_worker.client.commands import CommandOptions, Outgoing, compose, kind_of
from gateway_worker.client.connection import Connection
from gateway_worker.client.errors import ClientError, ConnectionLostError, NoReplyError
from gateway_worker.client.publishing import Publisher
from gateway_worker.client.queues import EventQueue
from gateway_worker.client.replies import Accepted
from gateway_worker.client.subscription import PREFETCH, Subscription
from schemas.envelope import Envelope
from schemas.model import Model, StrictModel
from schemas.results import EventsReplayed
from schemas.topology.channels import Topology

TIMEOUT: Final = 30.0  # seconds for a reply

M = TypeVar("M", bound=Model)


class Gateway(SessionCalls, MessageCalls, ChatCalls, LabelCalls, AccountCalls, GroupCalls):
    """A connection to the gateway; a context manager.

    It reconnects by itself. A command whose confirm or reply went astray with a connection is published again under its
    id, and so carried out once. Methods named after commands return what the contract says: `Accepted` or a result.

    Args:
        url: of RabbitMQ, of one node or several (``amqp://user:password@a,b/vhost``).
        namespace: the gateway's.
        source: who you are, a URI reference; with a command's id the idempotency key.
        timeout: seconds to wait for a reply, unless a call says otherwise.
        name: of the connection, shown by RabbitMQ's management.

    Raises (methods that send a command):
        CommandRejectedError: the gateway said no; `code` says why.
        NoReplyError: no reply in time; the command waits in its queue (e.g. of a session that is offline).
        ConnectionLostError: RabbitMQ is away, all the time.
        QueueFullError, TopologyMissingError, NotPermittedError: as they say.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "gateway",
        source: str = "/backend",
        timeout: float = TIMEOUT,
        name: str = "gateway client",
    ) -> None:
        self._topology = Topology(namespace)
        self._source = source
        self._timeout = timeout
        self._connection = Connection(url, name, random.Random())  # noqa: S311 (pauses between attempts)
        self._publisher = Publisher(self._connection, self._topology.commands)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises AccessRefusedError or ConnectionLostError: no node lets us in; the text says why."""
        async with AsyncExitStack() as stack:
            await self._connection.open()
            stack.push_async_callback(self._connection.close)
            background = await stack.enter_async_context(Background())
            background.start(self._connection.run())
            background.start(self._publisher.run())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def events(
        self,
        queue: EventQueue | None = None,
        *,
        after: Mapping[str, int] | None = None,
        prefetch: int = PREFETCH,
    ) -> Subscription:
        """The gateway's events: ``async with gateway.events() as events: async for event in events: …``.

        Args:
            queue: where to hear them; by default everything, from now on, for as long as this is open.
            after: per session the sequence you have seen last: what came since is replayed first.
            prefetch: how many may be in hand.
        """
        return Subscription(
            self._connection, self._topology, queue or EventQueue(), self._replay, after=after or {}, prefetch=prefetch
        )

    async def request(
        self, kind: str, subject: str | None, data: Mapping[str, Any], **options: Unpack[CommandOptions]
    ) -> Envelope:
        """Publish any command, data as JSON, and return its reply as it came, whether it says yes or no."""
        return await self.ask(self.compose(kind, subject, data, **options), options.get("timeout"))

    async def publish(self, command: Outgoing, timeout: float | None = None) -> None:  # noqa: ASYNC109 (told apart)
        """Publish a command, confirmed; nobody replies. That it is rejected, or its message fails, is an event.

        Raises:
            ConnectionLostError, QueueFullError, TopologyMissingError, NotPermittedError: as they say.
        """
        try:
            async with asyncio.timeout(self._timeout if timeout is None else timeout):
                await self._publisher.publish(command)
        except TimeoutError:
            raise self._trouble() or ConnectionLostError("RabbitMQ did not confirm in time") from None

    async def ask(self, command: Outgoing, timeout: float | None = None) -> Envelope:  # noqa: ASYNC109 (told apart)
        """Publish a command and return its reply as it came. Raises as the methods do, but for rejections."""
        seconds = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._publisher.ask(command)
        except TimeoutError:
            raise self._trouble() or NoReplyError(command.command_id, seconds) from None

    def compose(
        self, kind: str, subject: str | None, data: Mapping[str, Any], **options: Unpack[CommandOptions]
    ) -> Outgoing:
        """A command as it would be published."""
        return compose(
            kind,
            subject,
            data,
            source=self._source,
            new_id=str(uuid.uuid4()),
            now=datetime.now(UTC),
            options=options,
        )

    async def order(self, subject: str | None, command: StrictModel, **options: Unpack[CommandOptions]) -> Accepted:
        """Any command of the contract that returns nothing, by its data's model."""
        reply = await self.request(kind_of(command).type, subject, command.to_data(), **options)
        return replies.accepted(reply)

    async def query(
        self, subject: str | None, question: StrictModel, result: type[M], **options: Unpack[CommandOptions]
    ) -> M:
        """Any command of the contract that returns something, by its data's model."""
        reply = await self.request(kind_of(question).type, subject, question.to_data(), **options)
        return replies.result(reply, result)

    async def _replay(self, session: str, first: int) -> EventsReplayed:
        return await self.replay_events(session, first)

    def _trouble(self) -> ClientError | None:
        """Why RabbitMQ is away, if it is; another object each time, for it is raised."""
        trouble = self._connection.trouble
        return None if trouble is None else type(trouble)(*trouble.args)
