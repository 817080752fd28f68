"""A client for backends in Python: commands with typed answers, and events in order, each once.

    async with Gateway("amqp://user:password@host/", source="/backend/eu-1") as gateway:
        await gateway.send("user123", "+15550001111", Text("hi"))
        async with gateway.events() as events:
            async for event in events:
                match event.data:
                    case MessageReceived(chat=chat, content=content): ...

It imports `schemas` and aio-pika alone. Events are modelled in `schemas/events/`, results in `schemas.results`.
"""

import logging

from gateway_worker.client.commands import CommandOptions, Outgoing
from gateway_worker.client.content import (
    Audio,
    ContactCard,
    Contacts,
    Document,
    File,
    Image,
    LinkPreview,
    Location,
    Poll,
    Sticker,
    Text,
    Video,
    Voice,
)
from gateway_worker.client.errors import (
    AccessRefusedError,
    ClientError,
    CommandRejectedError,
    ConnectionLostError,
    NoReplyError,
    NotPermittedError,
    QueueFullError,
    TopologyMissingError,
)
from gateway_worker.client.events import Event, Missed, UnknownData
from gateway_worker.client.gateway import Gateway
from gateway_worker.client.queues import EventQueue
from gateway_worker.client.replies import Accepted, UnreadableReplyError
from gateway_worker.client.subscription import Delivery, Subscription

logging.getLogger(__name__).addHandler(logging.NullHandler())  # warnings are for whoever asks for them

__all__ = [
    "Accepted",
    "AccessRefusedError",
    "Audio",
    "ClientError",
    "CommandOptions",
    "CommandRejectedError",
    "ConnectionLostError",
    "ContactCard",
    "Contacts",
    "Delivery",
    "Document",
    "Event",
    "EventQueue",
    "File",
    "Gateway",
    "Image",
    "LinkPreview",
    "Location",
    "Missed",
    "NoReplyError",
    "NotPermittedError",
    "Outgoing",
    "Poll",
    "QueueFullError",
    "Sticker",
    "Subscription",
    "Text",
    "TopologyMissingError",
    "UnknownData",
    "UnreadableReplyError",
    "Video",
    "Voice",
]
