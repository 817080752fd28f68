"""A command as a backend would publish it: in Python, in JavaScript, and by RabbitMQ's management API. Pure."""

import json
import pprint
from typing import Any, Final
from urllib.parse import quote

from gateway_worker.client.commands import Outgoing

Document = dict[str, Any]
_WIDTH: Final = 96


def python(kind: str, subject: str | None, data: Document, namespace: str) -> str:
    """With our client."""
    named = "" if namespace == "gateway" else f", namespace={namespace!r}"
    shown = pprint.pformat(data, sort_dicts=False, width=_WIDTH).replace("\n", "\n        ")
    return (
        "import asyncio\n\n"
        "from gateway_worker.client import Gateway\n\n\n"
        "async def main() -> None:\n"
        f'    async with Gateway("amqp://user:password@rabbitmq/", source="/my-backend"{named}) as gateway:\n'
        f"        reply = await gateway.request({kind!r}, {subject!r}, {shown})\n"
        "        print(reply.type, reply.data)\n\n\n"
        "asyncio.run(main())\n"
    )


def javascript(command: Outgoing, exchange: str) -> str:
    """With amqplib."""
    envelope = _indented(json.loads(command.body))
    return (
        "import { randomUUID } from 'node:crypto'\n"
        "import amqp from 'amqplib'\n\n"
        "const connection = await amqp.connect('amqp://user:password@rabbitmq/')\n"
        "const channel = await connection.createConfirmChannel()\n"
        f"const command = {envelope}\n"
        "command.id = randomUUID() // your own, to repeat it safely\n"
        "command.time = new Date().toISOString()\n"
        f"channel.publish({_quoted(exchange)}, {_quoted(command.routing_key)}, Buffer.from(JSON.stringify(command)),\n"
        "  { persistent: true, messageId: command.id, contentType: 'application/cloudevents+json' })\n"
        "await channel.waitForConfirms()\n"
        "await connection.close()\n"
    )


def curl(command: Outgoing, exchange: str) -> str:
    """For trying; a program should use AMQP."""
    properties = {"delivery_mode": 2, "message_id": command.command_id, "content_type": "application/cloudevents+json"}
    body = {
        "properties": properties,
        "routing_key": command.routing_key,
        "payload_encoding": "string",
        "payload": command.body.decode(),
    }
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return (
        "curl -u user:password -H 'Content-Type: application/json' \\\n"
        f"  http://rabbitmq:15672/api/exchanges/%2F/{quote(exchange, safe='')}/publish \\\n"
        f"  -d '{text}'\n"
    )


def _indented(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _quoted(text: str) -> str:
    return json.dumps(text)
