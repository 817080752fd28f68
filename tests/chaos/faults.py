"""The plugs that are pulled. Each is a function that strikes, waits, and puts back what is to come back by itself."""

import asyncio
import random
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from redis.asyncio import Redis

from deploy.local.program import ProgramFailedError
from deploy.local.services import Handle
from tests.chaos.environment import restoring
from tests.chaos.environment.environment import WORKERS, Environment

FREEZE_SECONDS: Final = 60.0
CUT_SECONDS: Final = 30.0
HANG_SECONDS: Final = 20.0
STORM_SECONDS: Final = 10.0
FORGOTTEN_SECONDS: Final = 4.0
_AWAY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_ENOUGH: Final = 100_000
_FILL_SECONDS: Final = 10.0


class NotRunError(Exception):
    """This fault cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What happened: `at` is when it began, `since` when the time to recover does, `thawed_at` when a worker woke.

    `forgotten`: what PostgreSQL wrote down between these two times is not in it any more.
    """

    at: float
    since: float
    sessions: Sequence[str]
    thawed_at: float | None = None
    forgotten: tuple[float, float] | None = None


Announce = Callable[[str], None]
Strike = Callable[[Environment, random.Random, Announce], Awaitable[Struck]]


async def kill_worker(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL one of two; nobody starts it again."""
    victim = await environment.busiest()
    sessions = await environment.owned(victim)
    announce(f"{victim} with {len(sessions)} sessions is killed")
    environment.workers[victim].child.send(signal.SIGKILL)
    since = time.time()
    await environment.workers[victim].child.wait()
    return Struck(at=since, since=since, sessions=sessions)


async def kill_and_restart_worker(environment: Environment, chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL one of two; an orchestrator starts it again at once, under the same id."""
    struck = await kill_worker(environment, chance, announce)
    victim = next(worker_id for worker_id, worker in environment.workers.items() if not worker.child.is_alive)
    await environment.start_worker(victim)
    announce(f"{victim} runs again")
    return struck


async def kill_bridge(environment: Environment, chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL one of the bridges of one worker."""
    victim = await environment.busiest()
    bridge = chance.choice(_bridges(environment, victim))
    announce(f"a bridge of {victim} is killed")
    bridge.kill()
    since = time.time()
    return Struck(at=since, since=since, sessions=await environment.owned(victim))


def _bridges(environment: Environment, worker_id: str) -> list[psutil.Process]:
    family = psutil.Process(environment.workers[worker_id].child.pid).children(recursive=True)
    return [process for process in family if Path(process.exe()).name == "node"]


async def freeze_worker(environment: Environment, chance: random.Random, announce: Announce) -> Struck:
    """SIGSTOP one of two, alone or with its bridges, and let it go on long after its lease has run out."""
    victim = await environment.busiest()
    sessions = await environment.owned(victim)
    frozen = [psutil.Process(environment.workers[victim].child.pid)]
    if chance.random() < 0.5:
        frozen += _bridges(environment, victim)
    announce(f"{victim} is frozen{' with its bridges' if len(frozen) > 1 else ''} for {FREEZE_SECONDS:.0f} s")
    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    since = time.time()
    try:
        await asyncio.sleep(FREEZE_SECONDS)
    finally:
        thawed_at = time.time()
        for process in frozen:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
    announce(f"{victim} goes on as a zombie")
    return Struck(at=since, since=since, sessions=sessions, thawed_at=thawed_at)


async def freeze_bridge(environment: Environment, chance: random.Random, announce: Announce) -> Struck:
    """SIGSTOP one bridge of one worker for a while: its sockets stay open, and nobody answers on them."""
    victim = await environment.busiest()
    sessions = await environment.owned(victim)
    bridge = chance.choice(_bridges(environment, victim))
    announce(f"a bridge of {victim} is frozen for {HANG_SECONDS:.0f} s")
    bridge.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(HANG_SECONDS)
    finally:
        if bridge.is_running():
            bridge.send_signal(signal.SIGCONT)
    since = time.time()
    announce("the bridge goes on, if its worker has not ended it")
    return Struck(at=since - HANG_SECONDS, since=since, sessions=sessions)


async def kill_both_workers(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL both at once, and an orchestrator starts both again."""
    at = time.time()
    for worker in environment.workers.values():
        worker.child.send(signal.SIGKILL)
    announce("both workers are killed")
    for worker_id, worker in list(environment.workers.items()):
        await worker.child.wait()
        await environment.start_worker(worker_id)
    announce("both workers run again")
    return Struck(at=at, since=time.time(), sessions=environment.sessions)


async def hang_rabbitmq(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGSTOP the broker for a while: connections stay open, and nothing is answered."""
    return await _hung(environment, environment.services.rabbitmq, announce)


async def hang_postgresql(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGSTOP every process of PostgreSQL for a while."""
    return await _hung(environment, environment.services.postgresql, announce)


async def hang_redis(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGSTOP Redis for a while."""
    return await _hung(environment, environment.services.redis, announce)


async def _hung(environment: Environment, service: Handle, announce: Announce) -> Struck:
    at = time.time()
    announce(f"{service.name} hangs for {HANG_SECONDS:.0f} s")
    await asyncio.to_thread(service.pause)
    try:
        await asyncio.sleep(HANG_SECONDS)
    finally:
        await asyncio.to_thread(service.resume)
    announce(f"{service.name} goes on")
    return Struck(at=at, since=time.time(), sessions=environment.sessions)


async def kill_rabbitmq(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL the broker and start it again."""
    return await _killed(environment, environment.services.rabbitmq, announce, away=0.0)


async def kill_postgresql(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL the postmaster and start it again."""
    return await _killed(environment, environment.services.postgresql, announce, away=0.0)


async def restore_postgresql(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """A dump; some time later, as the README says: the workers leave, the dump is put back, they start again."""
    url, began = environment.stage.settings["GATEWAY_DATABASE_URL"], time.time()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "dump"
        await restoring.dump(url, file)
        announce("PostgreSQL is dumped")
        await asyncio.sleep(FORGOTTEN_SECONDS)
        at = time.time()
        await asyncio.gather(*(worker.stop() for worker in environment.workers.values()))
        announce("both workers have left")
        await restoring.put_back(url, environment.services.database_url, file)
    restored = time.time()
    announce("PostgreSQL is restored from the dump")
    for worker_id in list(environment.workers):
        await environment.start_worker(worker_id)
    announce("both workers run again")
    return Struck(at=at, since=time.time(), sessions=environment.sessions, forgotten=(began, restored))


async def kill_redis(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL Redis and start it again after a while."""
    return await _killed(environment, environment.services.redis, announce, away=_AWAY_SECONDS)


async def kill_s3(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """SIGKILL S3 and start it again after a while."""
    return await _killed(environment, environment.services.seaweedfs, announce, away=_AWAY_SECONDS)


async def _killed(environment: Environment, service: Handle, announce: Announce, *, away: float) -> Struck:
    at = time.time()
    announce(f"{service.name} is killed")
    await asyncio.to_thread(service.kill)
    await asyncio.sleep(away)
    await asyncio.to_thread(service.start)
    announce(f"{service.name} serves again")
    return Struck(at=at, since=time.time(), sessions=environment.sessions)


async def flush_redis(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """FLUSHALL."""
    async with Redis.from_url(environment.services.redis_url) as client:
        await client.flushall()
    announce("redis is flushed")
    since = time.time()
    return Struck(at=since, since=since, sessions=environment.sessions)


async def drop_whatsapp(environment: Environment, chance: random.Random, announce: Announce) -> Struck:
    """WhatsApp cuts every connection, three times in a few seconds."""
    for number in range(3):
        if number:
            await asyncio.sleep(chance.uniform(1, 3))
        await environment.whatsapp.fault("drop")
        announce("WhatsApp has dropped everybody")
    since = time.time()
    return Struck(at=since, since=since, sessions=environment.sessions)


async def restart_whatsapp(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """WhatsApp is away for a while and comes back with what it knew."""
    if not await environment.whatsapp.restart(_AWAY_SECONDS):
        raise NotRunError("this simulator cannot restart")
    announce(f"WhatsApp is away for {_AWAY_SECONDS:.0f} s")
    await asyncio.sleep(_AWAY_SECONDS)
    while not await environment.whatsapp.is_there():
        await asyncio.sleep(_POLL_SECONDS)
    announce("WhatsApp is back")
    since = time.time()
    return Struck(at=since, since=since, sessions=environment.sessions)


async def storm_whatsapp(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """WhatsApp answers every login, and everybody who is logged in, with 503, for a while."""
    announce(f"WhatsApp answers 503 for {STORM_SECONDS:.0f} s")
    await environment.whatsapp.fault("stream_error", code=503, count=_ENOUGH)
    await environment.whatsapp.fault("reject_login", code=503, count=_ENOUGH)
    await asyncio.sleep(STORM_SECONDS)
    await environment.whatsapp.calm()
    announce("WhatsApp answers again")
    since = time.time()
    return Struck(at=since, since=since, sessions=environment.sessions)


async def cut_network(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """No packet passes between one worker and everything else, for longer than its lease."""
    assert environment.branch is not None
    victim = WORKERS[1]
    sessions = await environment.owned(victim)
    announce(f"{victim} with {len(sessions)} sessions is cut off for {CUT_SECONDS:.0f} s")
    await environment.branch.cut()
    since = time.time()
    try:
        await asyncio.sleep(CUT_SECONDS)
    finally:
        await environment.branch.mend()
    announce(f"{victim} has its network back")
    return Struck(at=since, since=since, sessions=sessions, thawed_at=time.time())


async def fill_disk_of_postgresql(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """Not a byte is left on PostgreSQL's disk, for a while."""
    return await _filled(environment, environment.services.postgresql, announce)


async def fill_disk_of_rabbitmq(environment: Environment, _chance: random.Random, announce: Announce) -> Struck:
    """Not a byte is left on RabbitMQ's disk, for a while.

    The log of its quorum queues dies of that, and RabbitMQ does not start it again by itself: then somebody has to
    restart the broker.
    """
    struck = await _filled(environment, environment.services.rabbitmq, announce)
    if await environment.is_confirmed_soon():
        return struck
    restarted = await _killed(environment, environment.services.rabbitmq, announce, away=0.0)
    return replace(restarted, at=struck.at)


async def _filled(environment: Environment, service: Handle, announce: Announce) -> Struck:
    at = time.time()
    disk = environment.disks[service.name]
    announce(f"the disk of {service.name} is full")
    await asyncio.to_thread(disk.fill)
    try:
        await asyncio.sleep(_FILL_SECONDS)
    finally:
        await asyncio.to_thread(disk.relieve)
    if await asyncio.to_thread(lambda: service.pid) is None:
        announce(f"{service.name} has died of it and is started again")
    try:
        await asyncio.to_thread(service.start)
    except ProgramFailedError:  # what died in the middle of a write may need a second try
        await asyncio.to_thread(service.start)
    announce(f"there is room for {service.name} again")
    return Struck(at=at, since=time.time(), sessions=environment.sessions)
