"""RabbitMQ as an adapter: one supervised connection, its channels, and the declaration of the topology."""
