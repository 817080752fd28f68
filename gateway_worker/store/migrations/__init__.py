"""Alembic: how the schema grows. Applied by `gateway-worker migrate`."""
