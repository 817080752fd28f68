"""The WhatsApp connection manager: the life of every session this worker owns."""
