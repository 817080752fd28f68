"""A receiver of webhooks in Python, with the libraries of Standard Webhooks and of CloudEvents.

    pip install aiohttp cloudevents standardwebhooks
    WEBHOOK_SECRET=whsec_… python webhook_receiver.py [PORT]

It prints a line of JSON for each event that it takes. What is not signed with the secret is refused with 401, what is
no CloudEvent with 400; the gateway then tries again, and gives up after a day. An event may come twice: with the same
id.
"""

import asyncio
import json
import os
import sys

from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """Verifies, reads and prints."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    async def take(self, request: web.Request) -> web.Response:
        """One event. What is signed are the body's bytes, not what JSON makes of them."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            return web.Response(status=401, text=str(error))
        try:
            event = from_http(HTTPMessage(headers=headers, body=body), JSONFormat())
        except (BaseCloudEventException, ValueError) as error:
            return web.Response(status=400, text=str(error))
        print(json.dumps({**event.get_attributes(), "data": event.get_data()}, default=str), flush=True)
        return web.Response(status=204)


async def main(secret: str, port: int) -> None:
    """Receive for ever."""
    app = web.Application()
    app.router.add_post("/{path:.*}", Receiver(secret).take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("listening at", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(os.environ["WEBHOOK_SECRET"], int(sys.argv[1]) if len(sys.argv) > 1 else 8080))
