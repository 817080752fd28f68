#!/usr/bin/env bash
# RabbitMQ 3.10 (Debian 12): acknowledgements that were sent before Channel.Close do not all count when the queue is a quorum queue.
# Guess: methods of a channel are carried out in their order, so that what was acked before the channel was closed in good order is gone from the queue; a classic queue does so. Seen: of 2,000 acks
# sent one by one, followed by Channel.Close and its CloseOk, some 20 to 300 are lost nearly every time: the messages are in the queue again, marked as redelivered. The channel hands a quorum
# queue a bounded number of settlements at a time, and those that wait for their turn die with the channel. One ack with `multiple` for all of them, or waiting before the close, loses none.
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
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check amqp==5.4.2
"$folder/venv/bin/python" - "$port" <<'PYTHON'
import sys
import time

import amqp

MESSAGES = 2_000
TRIES = 5


def connected():
    for _ in range(120):
        try:
            connection = amqp.Connection(f"127.0.0.1:{sys.argv[1]}")
            connection.connect()
            return connection
        except OSError:
            time.sleep(0.5)
    raise AssertionError("RabbitMQ did not start")


def left(connection, kind, multiple, turn):
    """How many come again after all were acked and the channel was closed; whether they are marked as redelivered."""
    name = f"{kind}-{multiple}-{turn}"
    writer = connection.channel()
    writer.confirm_select()
    writer.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": kind})
    for number in range(MESSAGES):
        writer.basic_publish_confirm(amqp.Message(str(number)), routing_key=name)
    channel, tags = connection.channel(), []
    channel.basic_qos(0, MESSAGES, False)
    channel.basic_consume(name, callback=lambda message: tags.append(message.delivery_tag))
    while len(tags) < MESSAGES:
        connection.drain_events(timeout=30)
    for tag in tags[-1:] if multiple else tags:
        channel.basic_ack(tag, multiple=multiple)
    channel.close()  # waits for CloseOk
    time.sleep(2)
    again = [message.delivery_info["redelivered"] for message in iter(lambda: writer.basic_get(name), None)]
    return len(again), all(again)


connection = connected()
for kind in ("classic", "quorum"):
    for multiple in (True, False):
        rounds = [left(connection, kind, multiple, turn) for turn in range(TRIES)]
        counts = [count for count, _ in rounds]
        print(f"{kind}, {'one ack for all' if multiple else 'an ack each'}: of {MESSAGES} come again {counts}")
        if kind == "quorum" and not multiple:
            assert max(counts) > 0 and all(marked for _, marked in rounds)
        else:
            assert max(counts) == 0
connection.close()
PYTHON
