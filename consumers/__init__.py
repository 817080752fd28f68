"""What arrives from RabbitMQ: decode, handle, settle."""
