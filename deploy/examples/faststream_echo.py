"""A backend on FastStream: pairs a session, and answers every text that comes in with the same text.

    pip install "faststream[rabbit]"
    GATEWAY_AMQP_URL=amqp://user:password@host/ python faststream_echo.py SESSION

It needs nothing of the gateway's: only its contract. Events wait in a queue of its own while it is not running; the
answer's id is made of the text's, so that an answer that is given twice is one message.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

SESSION = sys.argv[1]
NAMESPACE = os.environ.get("GATEWAY_NAMESPACE", "gateway")

broker = RabbitBroker(os.environ["GATEWAY_AMQP_URL"])
app = FastStream(broker)
events = RabbitExchange(f"{NAMESPACE}.events", type=ExchangeType.TOPIC, durable=True, declare=False)
commands = RabbitExchange(f"{NAMESPACE}.commands", type=ExchangeType.TOPIC, durable=True, declare=False)
queue = RabbitQueue(
    f"{NAMESPACE}-backend.faststream-{SESSION}",
    queue_type=QueueType.QUORUM,
    durable=True,
    routing_key=f"#.{SESSION}",
)


async def command(routing_key: str, kind: str, data: dict[str, Any], command_id: str | None = None) -> None:
    """Publish a command; returns when the broker has it. With the same id it is the same command."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": command_id or str(uuid.uuid4()),
        "source": "/echo-faststream",
        "type": kind,
        "subject": SESSION,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    await broker.publish(
        json.dumps(envelope).encode(),
        exchange=commands,
        routing_key=routing_key,
        content_type="application/cloudevents+json",
        persist=True,
        mandatory=True,
    )


@broker.subscriber(queue, events, ack_policy=AckPolicy.NACK_ON_ERROR)
async def on_event(body: bytes) -> None:
    """One event; it is acknowledged when this returns. FastStream leaves what is CloudEvents' JSON as it came."""
    event = json.loads(body)
    data = event["data"]
    match event["type"]:
        case "session.status.v1" if "qrString" in data:
            print("scan this:", data["qrString"], flush=True)
        case "session.status.v1" if data["state"] == "connected":
            print("connected as", data["phone"], flush=True)
        case "message.received.v1" if not data["fromMe"] and data["content"]["kind"] == "text":
            answer = {"to": data["chat"], "content": {"kind": "text", "text": data["content"]["text"]}}
            await command(f"session.{SESSION}", "message.send.v1", answer, f"echo-{data['messageId']}")
        case _:
            pass


@app.after_startup
async def pair() -> None:
    """Make the session, or connect the one that exists."""
    data = {"sessionId": SESSION, "userId": "echo", "pairing": {"method": "qr"}}
    await command("sessions.create", "session.create.v1", data)


if __name__ == "__main__":
    asyncio.run(app.run())
