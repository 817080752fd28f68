#!/usr/bin/env bash
# redis-py 8.1.0 on uvloop 0.23.0: a command on a connection that broke a moment ago raises RuntimeError.
# Guess: as on asyncio's own loop, where the client connects again and answers, or redis.exceptions.ConnectionError at worst. Seen: uvloop refuses to write to a transport that is closing ("the handler
# is closed"), redis-py takes OSError alone for a broken connection, neither repeats nor translates it, and a program that catches RedisError, OSError and TimeoutError around its cache falls.
# It takes a network that fails between the check of the pooled connection and the write, so it shows in outages. Needs redis-server (Debian) on the PATH.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
port=$(python3 -c 'import socket; held = socket.socket(); held.bind(("127.0.0.1", 0)); print(held.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$folder" >/dev/null &
server=$!
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 uvloop==0.23.0
"$folder/venv/bin/python" - "$port" <<'PYTHON'
import asyncio
import sys

import uvloop
from redis.asyncio import Redis


async def after_a_break():
    redis = Redis(port=int(sys.argv[1]))
    await redis.ping()
    (connection,) = redis.connection_pool._available_connections
    connection._writer.transport.abort()  # what a reset does, at this very moment
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(await redis.incr("count"))
        except Exception as error:
            outcomes.append(error)
    await redis.aclose()
    return outcomes


first, second = asyncio.run(after_a_break())
print("asyncio:", repr(first), repr(second))
assert second == first + 1
failed, third = uvloop.run(after_a_break())
print("uvloop: ", repr(failed), repr(third))
assert type(failed) is RuntimeError and "closed" in str(failed)
assert third == second + 1
PYTHON
