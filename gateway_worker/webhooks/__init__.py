"""The gateway's events over HTTP: a process of its own, on the client, for backends that speak no AMQP."""
