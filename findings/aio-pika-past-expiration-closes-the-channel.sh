#!/usr/bin/env bash
# aio-pika 10.2.1 with RabbitMQ 3.10: an expiration that is a moment already past closes the channel.
# Message(expiration=...) takes a datetime, "until then". Guess: past means expired, sent as 0. Seen: it is sent as negative milliseconds, which RabbitMQ answers with
# PRECONDITION_FAILED: the channel closes, what else was being published on it fails with it, and frames already on their way may end the whole connection (504 CHANNEL_ERROR).
# Starts a RabbitMQ of its own; needs Debian's rabbitmq-server.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true; pkill -f "epmd.*-port $epmd" || true; rm -rf "$folder"' EXIT
ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
[each.bind(("127.0.0.1", 0)) for each in held]
print(*[each.getsockname()[1] for each in held])')
read -r port dist epmd <<<"$ports"
mkdir -p "$folder/home"
(umask 077 && head -c 20 /dev/urandom | base64 | tr -dc A-Za-z >"$folder/home/.erlang.cookie" && chmod 400 "$folder/home/.erlang.cookie")
echo "[]." >"$folder/plugins"
HOME="$folder/home" RABBITMQ_NODENAME="finding$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port RABBITMQ_DIST_PORT=$dist \
    ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins" \
    RABBITMQ_GENERATED_CONFIG_DIR="$folder/config" RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_PID_FILE="$folder/pid" \
    /usr/lib/rabbitmq/bin/rabbitmq-server >"$folder/out" 2>&1 &
broker=$!
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aio-pika==10.2.1 aiormq==7.2.4 pamqp==4.0.1
"$folder/venv/bin/python" - "$port" <<'PYTHON'
import asyncio
import sys
from datetime import datetime, timedelta, timezone

import aio_pika


async def connected():
    for _ in range(120):
        try:
            return await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{sys.argv[1]}/")
        except Exception:
            await asyncio.sleep(0.5)
    raise AssertionError("RabbitMQ did not start")


async def main():
    late = aio_pika.Message(b"late", expiration=datetime.now(timezone.utc) - timedelta(seconds=10))
    print("expiration:", late.properties.expiration)
    assert int(late.properties.expiration) < -9000
    async with await connected() as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        exchange = channel.default_exchange
        await exchange.publish(aio_pika.Message(b"before"), queue.name)
        outcomes = await asyncio.gather(
            exchange.publish(late, queue.name),
            *(exchange.publish(aio_pika.Message(b"fine"), queue.name) for _ in range(3)),
            return_exceptions=True,
        )
        names = [type(each).__name__ for each in outcomes]
        print(names, outcomes[0], "closed:", channel.is_closed)
        assert "PRECONDITION_FAILED" in str(outcomes[0])
        assert not any(name == "Ack" for name in names)


asyncio.run(main())
PYTHON
