"""PostgreSQL: the truth about sessions, messages, credentials, the outbox and processed commands."""
