"""The simulator alone under load: many companions that really encrypt, decrypt and confirm.

    python -m tests.bench.simulator_load [--connections N] [--rate N] [--seconds N]

Every companion belongs to a phone of its own and writes to one partner. A message goes, as with a real client, to the
partner's companion and phone and to the own phone (three ciphertexts; the simulator's phones decrypt theirs), and is
acked by the server and confirmed by all three. The load is open: messages leave at the given rate, whatever comes back.
Connections and messages of the generator run in this process, the simulator in one of its own.
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from deploy.local.stage import RunningSimulator, Stage
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from tests.bench.measure import Latency, percentiles, read
from tests.support.companion.client import Companion, Credentials, new_credentials
from tests.support.companion.events import (
    Acknowledged,
    Ended,
    Event,
    QrShown,
    Ready,
    ReceiptArrived,
    Received,
    Unreadable,
)

_PARALLEL = 50
_TICK = 0.002
_PATIENCE = 60.0
_RESTART = "515"
_TEXT = "Just a message of an ordinary length, as people write them all day long."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What one run showed. Seconds, milliseconds in latencies, bytes."""

    connections: int
    pairings_per_second: float
    logins_per_second: float
    sent: int
    acknowledged: int
    delivered: int
    confirmed: int
    """Messages whose recipient's companion sent its receipt, and it arrived."""
    receipts: int
    """Receipts that arrived at senders, those of phones included."""
    unreadable: int
    refused: int
    messages_per_second: float
    """Confirmed ones, from the first send to the last receipt."""
    ack: Latency
    delivery: Latency
    confirmation: Latency
    simulator_cpu_ms_per_message: float
    simulator_cores: float
    simulator_rss: int
    generator_cores: float


@dataclass(slots=True)
class Tally:
    """What came back, and when."""

    sent_at: dict[str, float] = field(default_factory=dict[str, float])
    acks: list[float] = field(default_factory=list[float])
    deliveries: list[float] = field(default_factory=list[float])
    confirmations: list[float] = field(default_factory=list[float])
    receipts: int = 0
    unreadable: int = 0
    refused: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, event: Event) -> None:
        """Counts an event of any companion."""
        now = time.perf_counter()
        match event:
            case Acknowledged(message_id, error):
                self.refused += bool(error)
                self._since(message_id, now, self.acks)
            case Received(message_id=message_id, own=False):
                self._since(message_id, now, self.deliveries)
            case ReceiptArrived(message_id=message_id, sender=sender, kind=""):
                self.receipts += 1
                if ":" in sender:  # of the companion, not of the phone
                    self._since(message_id, now, self.confirmations)
            case ReceiptArrived():
                self.receipts += 1
            case Unreadable():
                self.unreadable += 1
            case _:
                return
        self.changed.set()

    def _since(self, message_id: str, now: float, into: list[float]) -> None:
        if message_id in self.sent_at:
            into.append(now - self.sent_at[message_id])

    def forget(self) -> None:
        """Starts counting anew."""
        self.sent_at.clear()
        for counted in (self.acks, self.deliveries, self.confirmations):
            counted.clear()
        self.receipts = self.unreadable = self.refused = 0

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Returns when `holds`, or when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return


class Client:
    """One companion with its WebSocket and its person's phone."""

    def __init__(self, simulator: RunningSimulator, http: aiohttp.ClientSession, phone: str, tally: Tally) -> None:
        self.jid = f"{phone[1:]}@s.whatsapp.net"
        self._simulator = simulator
        self._http = http
        self._phone = phone
        self._tally = tally
        self._credentials: Credentials = new_credentials()
        self._companion: Companion | None = None
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._ready = asyncio.Event()

    async def pair(self) -> None:
        """Registers, has its QR code scanned, and returns when the server asks it to log in again."""
        await self._post("/phones", {"phone": self._phone, "name": "Load"})
        await self._converse()

    async def serve(self) -> None:
        """Logs in and reads until the connection ends."""
        await self._converse()

    async def ready(self) -> None:
        """Returns once it is logged in."""
        await self._ready.wait()

    async def send(self, to: str, message_id: str) -> None:
        """Sends a text."""
        assert self._companion is not None
        self._companion.send(to, Message(conversation=_TEXT), message_id)
        await self._flush()

    async def close(self) -> None:
        """Ends the connection."""
        if self._websocket is not None:
            await self._websocket.close()

    async def _converse(self) -> None:
        root = bytes.fromhex(self._simulator.root_key)
        companion = self._companion = Companion(self._credentials, root_public=root, now=int(time.time()))
        async with self._http.ws_connect(self._simulator.whatsapp_url, max_msg_size=0) as websocket:
            self._websocket = websocket
            await websocket.send_bytes(companion.start())
            async for message in websocket:
                for event in companion.receive(message.data):
                    await self._answer(event)
                await self._flush()

    async def _flush(self) -> None:
        assert self._companion is not None
        assert self._websocket is not None
        if output := self._companion.output():
            await self._websocket.send_bytes(output)

    async def _answer(self, event: Event) -> None:
        match event:
            case QrShown(text):
                await self._post(f"/phones/{self._phone}/scan", {"qr": text})
            case Ready():
                self._ready.set()
            case Ended(code) if code != _RESTART:
                raise RuntimeError(f"the simulator ended a stream with {code}")
            case _:
                self._tally.note(event)

    async def _post(self, path: str, body: dict[str, str]) -> None:
        async with self._http.post(self._simulator.url + path, json=body) as response:
            response.raise_for_status()


async def load(directory: Path, *, connections: int = 500, rate: int = 500, seconds: int = 20) -> LoadResult:
    """One run against a fresh simulator; `directory` takes its log. `connections` is even."""
    _allow_open_files(2 * connections + 256)
    tally = Tally()
    connector = aiohttp.TCPConnector(limit=0)
    async with Stage(directory, {}) as stage, aiohttp.ClientSession(connector=connector) as http:
        simulator = await stage.start_simulator()
        clients = [Client(simulator, http, f"+1555{number:07}", tally) for number in range(connections)]
        pairing = await _pair(clients)
        async with asyncio.TaskGroup() as tasks:
            login = await _log_in(clients, tasks)
            await _warm_up(clients, tally)
            roots = {"simulator": simulator.child.pid, "generator": os.getpid()}
            before, started = read(roots), time.perf_counter()
            sent = await _send(clients, tally, rate, seconds)
            await tally.until(lambda: len(tally.confirmations) >= sent, _PATIENCE)
            took, after = time.perf_counter() - started, read(roots)
            for client in clients:
                await client.close()
    cpu = after.cpu_since(before)
    return LoadResult(
        connections=connections,
        pairings_per_second=round(connections / pairing, 1),
        logins_per_second=round(connections / login, 1),
        sent=sent,
        acknowledged=len(tally.acks),
        delivered=len(tally.deliveries),
        confirmed=len(tally.confirmations),
        receipts=tally.receipts,
        unreadable=tally.unreadable,
        refused=tally.refused,
        messages_per_second=round(len(tally.confirmations) / took, 1),
        ack=percentiles(tally.acks),
        delivery=percentiles(tally.deliveries),
        confirmation=percentiles(tally.confirmations),
        simulator_cpu_ms_per_message=round(1000 * cpu["simulator"] / sent, 3),
        simulator_cores=round(cpu["simulator"] / took, 2),
        simulator_rss=after.rss_of("simulator"),
        generator_cores=round(cpu["generator"] / took, 2),
    )


async def _pair(clients: Sequence[Client]) -> float:
    """Pairs all, some at a time; the seconds it took."""
    limit, started = asyncio.Semaphore(_PARALLEL), time.perf_counter()

    async def pair(client: Client) -> None:
        async with limit:
            await client.pair()

    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(pair(client))
    return time.perf_counter() - started


async def _log_in(clients: Sequence[Client], tasks: asyncio.TaskGroup) -> float:
    """Logs all in, some at a time; they go on reading in `tasks`. The seconds it took."""
    limit, started = asyncio.Semaphore(_PARALLEL), time.perf_counter()

    async def log_in(client: Client) -> None:
        async with limit:
            tasks.create_task(client.serve())
            await client.ready()

    async with asyncio.TaskGroup() as logins:
        for client in clients:
            logins.create_task(log_in(client))
    return time.perf_counter() - started


async def _warm_up(clients: Sequence[Client], tally: Tally) -> None:
    """One message from each, so that every pair has its sessions; then counting starts."""
    for number, client in enumerate(clients):
        message_id = f"WARM{number:06}"
        tally.sent_at[message_id] = time.perf_counter()
        await client.send(clients[number ^ 1].jid, message_id)
    await tally.until(lambda: len(tally.confirmations) >= len(clients), _PATIENCE)
    tally.forget()


async def _send(clients: Sequence[Client], tally: Tally, rate: int, seconds: int) -> int:
    """Sends at the rate, whatever comes back; how many it sent."""
    sent, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        while sent < elapsed * rate:
            number = sent % len(clients)
            message_id = f"3EB0{sent:018X}"
            tally.sent_at[message_id] = time.perf_counter()
            await clients[number].send(clients[number ^ 1].jid, message_id)
            sent += 1
        await asyncio.sleep(_TICK)
    return sent


def _allow_open_files(count: int) -> None:
    """Both ends need a descriptor per connection; the simulator inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard) if hard > 0 else count, hard))


def main() -> None:
    """Runs once with the numbers of the command line, and prints what it showed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run = load(
            Path(directory),
            connections=arguments.connections,
            rate=arguments.rate,
            seconds=arguments.seconds,
        )
        for name, value in asdict(asyncio.run(run)).items():
            print(f"{name:30} {value}")  # noqa: T201 - it talks to a person


if __name__ == "__main__":
    main()
