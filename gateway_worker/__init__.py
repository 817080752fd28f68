"""A WhatsApp gateway worker: commands in from RabbitMQ, facts out as events, nothing lost in between."""

from importlib.metadata import version

__version__ = version("whatsapp-gateway-worker")
