"""The demo's course: services, simulator, worker; pair; talk; count. Exits 0 only if every step happened."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.live import Live

from deploy.demo.board import message_board, qr_board
from deploy.demo.phones import Person, Phones
from deploy.demo.scenes import SceneFailedError, Scenes
from deploy.demo.tally import Event, Tally
from deploy.local.program import ProgramFailedError
from deploy.local.services import ROOT, PrivateServices
from deploy.local.stage import RunningSimulator, Stage
from gateway_worker.cli.terminal import console
from gateway_worker.client import Event as ClientEvent
from gateway_worker.client import Gateway, Outgoing, Subscription
from gateway_worker.client.background import Background

MESSAGES: Final = 20  # each way
_STEP_SECONDS: Final = 60.0
_DIRECTORY: Final = ROOT / ".local" / "demo"
_NAMESPACE: Final = "demo"
ANA: Final = Person(name="Ana", phone="+15550100001", session_id="ana")
BEN: Final = Person(name="Ben", phone="+15550100002", session_id="ben")
PEOPLE: Final = (ANA, BEN)


@dataclass(slots=True)
class Conversation:
    """The gateway, the phones, and what was seen."""

    gateway: Gateway
    phones: Phones
    background: Background
    tally: Tally = field(default_factory=Tally)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    live_qr: dict[str, str] = field(default_factory=dict[str, str])

    async def watch(self, events: Subscription) -> None:
        """Take in events for ever."""
        async for event in events:
            self._take(event.document)

    async def publish(self, command_type: str, person: Person, data: dict[str, Any]) -> str:
        """Send a command to the person's session; returns its id at once. The reply is taken in when it comes."""
        command = self.gateway.compose(command_type, person.session_id, data)
        self.background.start(self._ask(command))
        return command.command_id

    async def _ask(self, command: Outgoing) -> None:
        self._take(ClientEvent(await self.gateway.ask(command, _STEP_SECONDS)).document)

    def _take(self, document: dict[str, Any]) -> None:
        self.tally.take(document)
        if "qrString" in document["data"]:
            self.live_qr[str(document["subject"])] = document["data"]["qrString"]
        self.changed.set()

    async def event(self, event_type: str, session: Person | None, **wanted: Any) -> Event:
        """The event, or reply, whose data has these values; waits for it."""
        found: list[Event] = []

        def is_there() -> bool:
            event = self.tally.find(event_type, session and session.session_id, wanted)
            found.extend([] if event is None else [event])
            return event is not None

        await self.until(is_there, f"{event_type} with {', '.join(wanted)}")
        return found[0]

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something to become true; TimeoutError names what did not happen."""
        try:
            async with asyncio.timeout(_STEP_SECONDS):
                while not holds():
                    if self.tally.failures:
                        raise DemoFailedError(f"a command failed: {self.tally.failures[0]}")
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise DemoFailedError(f"did not happen within {_STEP_SECONDS:.0f} s: {what}") from None


class DemoFailedError(Exception):
    """A step did not happen."""


async def perform() -> str:
    """The whole course; returns the summary line. Raises DemoFailedError or ProgramFailedError."""
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        conversation = await _set_up(stack)
        await _pair(conversation)
        await _talk(conversation)
        counts = {step: conversation.tally.total(step) for step in ("sent", "delivered", "read")}
        console.rule("more than texts")
        await Scenes(stage=conversation, me=ANA, you=BEN).play()
        return await _count(conversation, counts, time.monotonic() - started)


async def _set_up(stack: AsyncExitStack) -> Conversation:
    services = PrivateServices(_DIRECTORY / "services")
    with console.status("starting private RabbitMQ, PostgreSQL, Redis and S3 …"):
        await asyncio.to_thread(services.__enter__)
        stack.callback(services.end)
    console.print("[green]✓[/] private RabbitMQ, PostgreSQL, Redis and S3, on free ports")
    settings = services.environment() | {"GATEWAY_NAMESPACE": _NAMESPACE, "GATEWAY_MAX_SESSIONS": "10"}
    stage = await stack.enter_async_context(Stage(_DIRECTORY / "logs", settings))
    with console.status("migrating the database, starting the simulated WhatsApp and a worker …"):
        await stage.create_database("demo")
        simulator = await stage.start_simulator()
        worker = await stage.start_worker("worker-001", simulator.settings())
    console.print(f"[green]✓[/] a WhatsApp server with phones, simulated at {simulator.whatsapp_url}")
    console.print(f"[green]✓[/] a gateway worker, healthy at {worker.url}/health")
    return await _connect(stack, services.amqp_url, simulator)


async def _connect(stack: AsyncExitStack, amqp_url: str, simulator: RunningSimulator) -> Conversation:
    http = await stack.enter_async_context(aiohttp.ClientSession(simulator.url))
    gateway = await stack.enter_async_context(Gateway(amqp_url, namespace=_NAMESPACE, source="/demo"))
    events = await stack.enter_async_context(gateway.events())
    background = await stack.enter_async_context(Background())
    conversation = Conversation(gateway=gateway, phones=Phones(http), background=background)
    background.start(conversation.watch(events))
    return conversation


async def _pair(conversation: Conversation) -> None:
    console.rule("two sessions are created by commands on RabbitMQ")
    for person in PEOPLE:
        await conversation.phones.give(person)
        await conversation.gateway.create_session(person.session_id, "demo")
    await conversation.until(lambda: len(conversation.live_qr) == len(PEOPLE), "QR codes arrive as events")
    console.print(qr_board([(person, conversation.live_qr[person.session_id]) for person in PEOPLE]))
    for person in PEOPLE:
        await conversation.phones.scan(person, conversation.live_qr[person.session_id])
        console.print(f"[green]✓[/] {person.name} scanned the code of session [bold]{person.session_id}[/]")
    states = conversation.tally.states
    await conversation.until(lambda: list(states.values()).count("connected") == len(PEOPLE), "both sessions connect")
    console.print("[green]✓[/] both sessions are connected")


async def _talk(conversation: Conversation) -> None:
    console.rule(f"{MESSAGES} messages each way, end-to-end encrypted")
    conversation.tally.steps.clear()
    tally = conversation.tally
    goal = MESSAGES * len(PEOPLE)
    with Live(console=console, get_renderable=lambda: message_board(PEOPLE, tally, MESSAGES), refresh_per_second=12):
        for number in range(1, MESSAGES + 1):
            for me, you in ((ANA, BEN), (BEN, ANA)):
                await _send(conversation, me, you, f"{number}. Hello {you.name}, {me.name} here.")
        await conversation.until(lambda: tally.total("sent") >= goal, "all are sent")
        await conversation.until(lambda: tally.total("delivered") >= goal, "all are delivered")
        for me, you in ((ANA, BEN), (BEN, ANA)):
            await conversation.until(
                lambda me=me: len(set(tally.received.get(me.session_id, ()))) >= MESSAGES, "all are received"
            )
            await _read(conversation, me, you)
        await conversation.until(lambda: tally.total("read") >= goal, "all are read")


async def _send(conversation: Conversation, me: Person, you: Person, text: str) -> None:
    data = {"to": you.phone, "content": {"kind": "text", "text": text}}
    await conversation.publish("message.send.v1", me, data)


async def _read(conversation: Conversation, me: Person, you: Person) -> None:
    """Mark everything that `me` received from `you` as read."""
    ids = list(dict.fromkeys(conversation.tally.received[me.session_id]))
    await conversation.gateway.mark_read(me.session_id, you.phone, ids)


async def _count(conversation: Conversation, counts: Mapping[str, int], seconds: float) -> str:
    """Hold the ledger of events against what the phones decrypted; the summary line."""
    tally = conversation.tally
    for person in PEOPLE:
        arrived = await conversation.phones.inbox(person)
        texts = [entry["content"]["text"] for entry in arrived if entry["content"]["kind"] == "text"]
        expected = [
            text for text in texts if text.startswith(tuple(f"{n}. Hello {person.name}," for n in range(1, 21)))
        ]
        if len(expected) != MESSAGES:
            raise DemoFailedError(f"{person.name}'s phone decrypted {len(expected)} of {MESSAGES} messages")
    if tally.gaps():
        raise DemoFailedError(f"{tally.gaps()} sequence numbers are missing")
    console.print(f"[green]✓[/] both phones decrypted all {MESSAGES} messages; sequences have no gap")
    sent, delivered, read = counts["sent"], counts["delivered"], counts["read"]
    return (
        f"demo: {len(PEOPLE)} sessions paired, {sent} messages sent, {delivered} delivered, {read} read, "
        f"an image, a voice message, a poll and a group, in {seconds:.1f} s"
    )


async def _until_signalled() -> int:
    task = asyncio.ensure_future(perform())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        line = await task
    except asyncio.CancelledError:
        console.print("demo: interrupted; everything it started has ended")
        return 130
    except (DemoFailedError, SceneFailedError, ProgramFailedError) as failure:
        console.print(f"[red]demo: failed[/]: {failure}")
        console.print(f"logs: {_relative(_DIRECTORY / 'logs')}")
        return 1
    console.print(f"[bold green]{line}[/]", soft_wrap=True)
    return 0


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT)


def main() -> int:
    """Run it; the exit code."""
    return asyncio.run(_until_signalled())
