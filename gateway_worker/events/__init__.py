"""The way out: the outbox relay and the publisher."""
