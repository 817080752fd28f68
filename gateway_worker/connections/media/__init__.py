"""Files of incoming messages, on their way into the bucket and out of it again."""
