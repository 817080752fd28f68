#!/usr/bin/env bash
# aiormq 7.2.4 (under aio-pika 10): a virtual host that does not exist is told as "Expected one of [Connection.OpenOk]".
# Guess: RabbitMQ answers Connection.Open with Connection.Close (530, NOT_ALLOWED - vhost not found), and the error carries code and text, as it does for a wrong
# password. Seen: InvalidFrameError with the repr of a frame; code and text are gone, also for 'access to vhost refused'. The peer below speaks just that much of AMQP 0-9-1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiormq==7.2.4 pamqp==4.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

import aiormq
from pamqp import commands, frame, header

TEXT = "NOT_ALLOWED - vhost nope not found"


async def broker(reader, writer):
    """A broker that knows no such virtual host, as RabbitMQ answers one."""

    def send(method):
        writer.write(frame.marshal(method, 0))

    async def receive():
        data = b""
        while True:
            data += await reader.read(4096)
            taken, _, value = frame.unmarshal(data)
            if taken:
                return value

    await reader.readexactly(8)
    send(commands.Connection.Start(server_properties={"capabilities": {}}, mechanisms="PLAIN", locales="en_US"))
    await receive()
    send(commands.Connection.Tune(channel_max=2047, frame_max=131072, heartbeat=60))
    data = b""
    while b"nope" not in data:  # TuneOk and Open
        data += await reader.read(4096)
    send(commands.Connection.Close(530, TEXT, 10, 40))
    await writer.drain()
    await reader.read(4096)
    writer.close()


async def main():
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        await asyncio.wait_for(aiormq.connect(f"amqp://guest:guest@127.0.0.1:{port}/nope"), 20)
    except aiormq.exceptions.AMQPError as error:
        print(type(error).__name__, error)
        assert type(error).__name__ == "InvalidFrameError"
        assert "OpenOk" in str(error)
        assert "530" not in str(error)
        assert TEXT not in str(error)
    else:
        raise AssertionError("it connected")
    server.close()


asyncio.run(main())
PYTHON
