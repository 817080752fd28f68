"""How connections end: at WhatsApp's hand, with the bridge, with us."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from gateway_worker.whatsapp.baileys.channel.channel import Channel, Request
from gateway_worker.whatsapp.baileys.engine import BaileysEngine
from gateway_worker.whatsapp.baileys.process.configuration import Configuration
from gateway_worker.whatsapp.baileys.process.process import BridgeProcess
from gateway_worker.whatsapp.errors import EngineError, NotConnected
from gateway_worker.whatsapp.facts import Cause, Disconnected
from gateway_worker.whatsapp.port import OpenRequest
from tests.support.lease import TestLease
from tests.support.whatsapp.engine import Lab, Session, lab, running, say

ROOT = Path(__file__).parents[3]
LEASE_OVER = 3


@pytest.mark.parametrize(
    ("code", "cause"),
    [(503, Cause.UNAVAILABLE), (515, Cause.RESTART_REQUIRED), (440, Cause.REPLACED), (401, Cause.LOGGED_OUT)],
)
async def test_whatsapps_codes_have_our_names(shared: Lab, code: int, cause: Cause) -> None:
    session, _ = await shared.connected()
    await shared.phones.fault("stream_error", session.phone, code=code)
    end = await session.owner.next(Disconnected, 2)
    assert (end.cause, end.code) == (cause, code)


@pytest.mark.parametrize(("code", "cause"), [(405, Cause.OUTDATED), (403, Cause.BANNED), (401, Cause.LOGGED_OUT)])
async def test_a_refused_login_says_why(shared: Lab, code: int, cause: Cause) -> None:
    session = await shared.paired()
    await shared.phones.fault("reject_login", session.phone, code=code)
    await session.open()
    end = await session.owner.next(Disconnected, 2)
    assert (end.cause, end.code) == (cause, code)
    assert session.owner.credentials is not None


async def test_a_dropped_socket_ends_once_and_the_session_opens_again(shared: Lab) -> None:
    session, _ = await shared.connected()
    await shared.phones.fault("drop", session.phone)
    end = await session.owner.next(Disconnected, 2)
    assert end.cause is Cause.CLOSED
    connection = await session.connect()
    await say(connection, await shared.phones.give(), "back")
    await connection.close()
    assert len(session.owner.facts_of(Disconnected)) == 3


async def test_an_unlinked_device_is_logged_out(shared: Lab) -> None:
    session, _ = await shared.connected()
    await shared.phones.unlink(session.phone)
    end = await session.owner.next(Disconnected, 2)
    assert end.cause is Cause.LOGGED_OUT


async def test_logout_unlinks_the_device(shared: Lab) -> None:
    session, connection = await shared.connected()
    await connection.logout()
    assert session.owner.facts_of(Disconnected)[-1].cause is Cause.LOGGED_OUT
    await session.open()
    assert (await session.owner.next(Disconnected, 3)).cause is Cause.LOGGED_OUT


async def test_whatsapp_out_of_reach_is_no_fault_of_the_session() -> None:
    async with lab() as own:
        session = await own.paired()
        await own.simulator.stop()
        await session.open()
        assert (await session.owner.next(Disconnected, 2)).cause in {Cause.CLOSED, Cause.LOST}


async def test_a_session_is_open_once(shared: Lab) -> None:
    session, connection = await shared.connected()
    with pytest.raises(EngineError, match="open already"):
        await session.open()
    await connection.close()
    again = await session.connect()
    await again.close()


async def test_a_proxy_we_cannot_use_is_refused(shared: Lab) -> None:
    session = await shared.unpaired()
    with pytest.raises(EngineError, match="unsupported_proxy"):
        await session.open(proxy="socks5://127.0.0.1:1080")


async def test_an_http_proxy_is_asked_for_a_tunnel() -> None:
    asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await reader.readline())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with lab() as own:
        engine = BaileysEngine(bridges=1, configuration=Configuration(url="wss://whatsapp.invalid/ws/chat"))
        async with running(engine), server:
            session = Session(engine=engine, phone=await own.phones.give())
            await session.open(proxy=f"http://127.0.0.1:{port}")
            await session.owner.next(Disconnected)
    assert asked.result().startswith(b"CONNECT whatsapp.invalid:443")


async def test_a_killed_bridge_takes_only_its_own_and_they_come_back() -> None:
    async with lab(bridges=2) as own:
        async with asyncio.timeout(60):  # one is enough to begin with; here both are to have a session
            while not all(report.up for report in own.engine.describe()):  # noqa: ASYNC110 (a bridge tells nobody)
                await asyncio.sleep(0.02)
        first, _ = await own.connected("Ana")
        second, connection = await own.connected("Bob")
        assert [report.sessions for report in own.engine.describe()] == [1, 1]
        victim = own.engine.describe()[0].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        end = await first.owner.next(Disconnected, 2)
        assert end.cause is Cause.BRIDGE_DIED
        again = await first.connect()
        await say(again, second.phone, "I am back")
        await second.owner.until(lambda: "I am back" in second.owner.texts())
        assert len(second.owner.facts_of(Disconnected)) == 1
        await connection.close()
        await again.close()


async def test_calls_to_a_dead_bridge_fail_clearly() -> None:
    async with lab() as own:
        session, connection = await own.connected()
        victim = own.engine.describe()[0].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        await session.owner.next(Disconnected, 2)
        with pytest.raises(NotConnected):
            await connection.check_contacts(["+15550001111"])
        await connection.close()  # it is over: nothing to do


async def test_a_bridge_ends_when_its_lease_is_not_renewed() -> None:
    process = await BridgeProcess.start()
    asked = 0

    def once(request: Request) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            request.answer(700)

    channel = await Channel.over(process.end, once)
    await channel.call("configure", 0, Configuration().to_bridge(None))
    async with asyncio.timeout(60):
        assert await process.process.wait() == LEASE_OVER
    assert asked > 1
    await process.end_it()


async def test_a_fenced_engine_closes_its_sockets_and_comes_back_under_a_new_lease() -> None:
    lease = TestLease()
    async with lab(lease=lease) as own:
        session, _ = await own.connected()
        lease.lose()
        own.engine.fence()
        assert (await session.owner.next(Disconnected, 2)).cause is Cause.BRIDGE_DIED
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await session.open()
        lease.take()
        again = await session.connect()
        await say(again, await own.phones.give(), "mine again")
        await again.close()


async def test_a_bridge_that_was_stopped_past_its_lease_sends_nothing_when_it_wakes() -> None:
    lease = TestLease(seconds=6)  # a busy machine has to renew it meanwhile
    async with lab(lease=lease) as own:
        session, connection = await own.connected()
        ben = await own.phones.give("Ben")
        pid = own.engine.describe()[0].pid
        assert pid is not None
        before = (await own.phones.stats())["messages"]
        os.kill(pid, signal.SIGSTOP)
        sending = asyncio.create_task(say(connection, ben, "from the grave"))
        await asyncio.sleep(6.5)  # time itself is what is tested
        os.kill(pid, signal.SIGCONT)
        with pytest.raises(EngineError):
            await sending
        assert (await session.owner.next(Disconnected, 2)).cause is Cause.BRIDGE_DIED
        assert (await own.phones.stats())["messages"] == before


async def test_a_bridge_ends_with_its_parent() -> None:
    program = (
        "import asyncio\n"
        "from gateway_worker.whatsapp.baileys.process.process import BridgeProcess\n"
        "async def main():\n"
        "    process = await BridgeProcess.start()\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    bridge = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, [bridge], timeout=60)
    assert gone
    assert not alive


async def test_stopping_the_engine_tells_the_owners() -> None:
    async with lab() as own:
        session, _ = await own.connected()
    assert session.owner.facts_of(Disconnected)[-1].cause is Cause.BRIDGE_DIED


async def test_opening_without_a_running_bridge_fails() -> None:
    async with lab() as own:
        session = Session(engine=own.engine, phone=await own.phones.give())
    with pytest.raises(EngineError):
        await own.engine.open(OpenRequest(session_id=session.session_id, credentials=None), session.owner)
