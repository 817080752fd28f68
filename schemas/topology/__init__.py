"""Exchanges, queues and bindings; who may use them, and where a broker is."""
