"""A backend in Python: pairs a session, and answers every text that comes in with the same text.

    GATEWAY_AMQP_URL=amqp://user:password@host/ python echo.py SESSION

Events wait in a queue of its own while it is not running, so no text stays without an answer. The answer's id is made
of the text's: when the program ends between the two, it answers again under the same id, and WhatsApp sees one message.
"""

import asyncio
import os
import sys

from gateway_worker.client import EventQueue, Gateway, Text
from gateway_worker.client.models import MessageReceived, SessionState, SessionStatus, received


async def main(session: str) -> None:
    """Answer for ever."""
    namespace = os.environ.get("GATEWAY_NAMESPACE", "gateway")
    queue = EventQueue(name=f"{namespace}-backend.echo-{session}", sessions=[session])
    async with (
        Gateway(os.environ["GATEWAY_AMQP_URL"], namespace=namespace, source="/echo") as gateway,
        gateway.events(queue) as events,
    ):
        await gateway.create_session(session, user="echo")
        async for event in events:
            match event.data:
                case SessionStatus(qr_string=str(qr)):
                    print("scan this:", qr, flush=True)
                case SessionStatus(state=SessionState.CONNECTED, phone=phone):
                    print("connected as", phone, flush=True)
                case MessageReceived(from_me=False, content=received.Text(text=text), chat=chat, message_id=message_id):
                    await gateway.send(session, chat, Text(text), command_id=f"echo-{message_id}")
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
