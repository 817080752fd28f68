"""The driver's types, for whoever consumes: nothing outside of this package imports the driver itself."""

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

__all__ = ["Basic", "Channel", "DeliveredMessage"]
