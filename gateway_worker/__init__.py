"""A WhatsApp gateway worker: commands in from RabbitMQ, facts out as events, nothing lost in between."""
