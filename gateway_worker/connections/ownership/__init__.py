"""Which sessions this worker owns, and what becomes of those of others."""
