"""Private RabbitMQ, PostgreSQL, Redis and S3 without containers: for tests, the demo, the benchmark and people."""
