#!/usr/bin/env bash
# redis-py 8.1.0: INCR is carried out again when its reply is lost, by default and without a word.
# Guess: what is not idempotent is repeated only when the caller asked for retries. Seen: clients come with a Retry of their own (sync and asyncio), which repeats any
# command after a ConnectionError. A connection that breaks between execution and reply (failover, proxy, idle timeout) makes a counter, a rate limit or an LPUSH
# count twice; the caller sees one success. Retry(NoBackoff(), 0) turns it off. Needs redis-server (Debian) on the PATH.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import shutil
import tempfile

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


async def relay(reader, writer, cut):
    """Pass bytes on; where `cut` says so, drop the answer and close instead."""
    try:
        while data := await reader.read(65536):
            if cut(data):
                break
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def counted(upstream, **options):
    """What INCR told, and what the server holds, when the first reply is lost on the way."""
    state = {"asked": False, "lost": False}

    def asked(data):
        state["asked"] = state["asked"] or b"INCRBY" in data
        return False

    def lost(_):
        if state["asked"] and not state["lost"]:
            state["lost"] = True
            return True
        return False

    async def accept(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(relay(reader, back, asked), relay(there, writer, lost))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    client = redis.Redis(port=server.sockets[0].getsockname()[1], **options)
    direct = redis.Redis(port=upstream)
    await direct.delete("sent")
    try:
        told = await client.incr("sent")
    except Exception as error:
        told = type(error).__name__
    held = int(await direct.get("sent"))
    await client.aclose()
    await direct.aclose()
    server.close()
    return told, held


async def main():
    port = 20000 + hash(tempfile.mkdtemp()) % 20000
    folder = tempfile.mkdtemp()
    program = await asyncio.create_subprocess_exec(
        shutil.which("redis-server"), "--port", str(port), "--dir", folder, "--save", "", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        by_default = await counted(port)
        without = await counted(port, retry=Retry(NoBackoff(), 0))
    finally:
        program.terminate()
        await program.wait()
    print("by default (told, held):", by_default, "- without retries:", without)
    assert by_default == (2, 2)
    assert without == ("ConnectionError", 1)


asyncio.run(main())
PYTHON
