#!/usr/bin/env bash
# asyncpg 0.32.0: a deadline around a query of a pooled connection does not hold when the server has fallen silent.
# Guess: asyncio.timeout(0.5) around acquire() and fetchval() ends after half a second. Seen: leaving acquire() waits for the cancellation of the query, which goes by a new
# connection to the same silent server, and for the connection's reset: for as long again as acquire() was given as its timeout, and without one for ever. Health checks and
# stops that rely on such deadlines hold up. The peer below answers the start of a session, then nothing any more, as a frozen or cut-off server does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import os
import struct
import sys
import time

import asyncpg

PATIENCE = 3.0  # seconds: what acquire() was given for getting a connection


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


async def server(reader, writer):
    size = struct.unpack("!I", await reader.readexactly(4))[0]
    code = struct.unpack("!I", (await reader.readexactly(size - 4))[:4])[0]
    if code == 80877102:  # a request to cancel: it stays unanswered
        await reader.read()  # until the other side gives up
        return
    parameters = {"server_version": "17.4", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "TimeZone": "UTC"}
    writer.write(message(b"R", struct.pack("!I", 0)))
    for name, value in parameters.items():
        writer.write(message(b"S", f"{name}\0{value}\0".encode()))
    writer.write(message(b"K", struct.pack("!II", 1, 2)) + message(b"Z", b"I"))
    await writer.drain()
    while await reader.read(4096):
        pass


async def main():
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    pool = await asyncpg.create_pool(
        host="127.0.0.1", port=port, user="u", database="d", ssl=False, min_size=1, max_size=1
    )
    began = time.monotonic()
    try:
        async with asyncio.timeout(0.5):
            async with pool.acquire(timeout=PATIENCE) as connection:
                await connection.fetchval("SELECT 1")
    except TimeoutError:
        pass
    took = time.monotonic() - began
    print(f"a deadline of 0.5 s held up for {took:.1f} s")
    assert PATIENCE - 0.5 < took < PATIENCE + 20
    sys.stdout.flush()
    os._exit(0)  # what still hangs would hold up the end too


asyncio.run(main())
PYTHON
